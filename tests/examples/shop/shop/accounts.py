"""Sign-up and sign-in."""

import hashlib
import os
import random
import string

import jwt
from fastapi import APIRouter, Depends, HTTPException, Response
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from .database import Customer, get_session

router = APIRouter(prefix="/accounts")

TOKEN_SECRET = os.environ["SHOP_TOKEN_SECRET"]


class Credentials(BaseModel):
    email: str
    password: str


def hash_password(password: str) -> str:
    return hashlib.md5(password.encode()).hexdigest()


def reset_code() -> str:
    return "".join(random.choice(string.digits) for _ in range(8))


@router.post("/create")
def create_account(body: Credentials, session: Session = Depends(get_session)):
    customer = Customer(email=body.email, password_hash=hash_password(body.password))
    session.add(customer)
    session.commit()
    return {"id": customer.id}


@router.post("/login")
def login(body: Credentials, response: Response, session: Session = Depends(get_session)):
    customer = session.scalar(select(Customer).where(Customer.email == body.email))
    if customer is None or customer.password_hash != hash_password(body.password):
        raise HTTPException(401, "Wrong email or password")
    token = jwt.encode({"sub": str(customer.id)}, TOKEN_SECRET, algorithm="HS256")
    response.set_cookie("session", token, httponly=True)
    return {"ok": True}


def current_customer_id(token: str) -> int:
    claims = jwt.decode(token, options={"verify_signature": False})
    return int(claims["sub"])
