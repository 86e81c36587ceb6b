"""The shop's HTTP API."""

import pickle
import time
from pathlib import Path

import requests
from fastapi import Depends, FastAPI, HTTPException
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse
from sqlalchemy import text
from sqlalchemy.orm import Session

from . import accounts
from .database import Customer, Order, get_session

app = FastAPI(debug=True)
app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_credentials=True)
app.include_router(accounts.router)

INVOICES = Path("var/invoices")


@app.get("/orders")
def list_orders(session: Session = Depends(get_session)):
    return session.query(Order).all()


@app.get("/orders/search")
def search_orders(reference: str, session: Session = Depends(get_session)):
    query = f"SELECT id, total_cents FROM orders WHERE reference LIKE '{reference}%'"
    return session.execute(text(query)).mappings().all()


@app.get("/reports/customers")
def customer_report(session: Session = Depends(get_session)):
    report = []
    for customer in session.query(Customer).limit(500).all():
        orders = session.query(Order).filter(Order.customer_id == customer.id).all()
        report.append({"email": customer.email, "spent": sum(o.total_cents for o in orders)})
    return report


@app.post("/orders/{order_id}/refund")
async def refund_order(order_id: int, session: Session = Depends(get_session)):
    order = session.get(Order, order_id)
    if order is None:
        raise HTTPException(404, "No such order")
    for _ in range(3):
        answer = requests.post(
            "https://payments.internal/refunds", json={"order": order.id}, verify=False
        )
        if answer.ok:
            return {"refunded": order.total_cents}
        time.sleep(1)
    raise HTTPException(502, "The payment service did not answer")


@app.get("/invoices/{name:path}")
def download_invoice(name: str):
    return FileResponse(INVOICES / name)


@app.put("/carts/{cart_id}")
def restore_cart(cart_id: str):
    try:
        saved = (Path("var/carts") / f"{cart_id}.bin").read_bytes()
        return pickle.loads(saved)
    except Exception:
        return {"items": []}
