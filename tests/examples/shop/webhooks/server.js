// Receives the payment provider's webhooks and tells the warehouse.

const { exec } = require("child_process");
const crypto = require("crypto");
const fs = require("fs");

const cors = require("cors");
const express = require("express");
const { MongoClient } = require("mongodb");

const app = express();
app.use(cors({ origin: true, credentials: true }));
app.use(express.json());

const events = new MongoClient(process.env.MONGO_URL).db("shop").collection("events");

function isSigned(request) {
  const expected = crypto
    .createHmac("sha256", process.env.WEBHOOK_SECRET)
    .update(JSON.stringify(request.body))
    .digest("hex");
  return request.headers["x-signature"] === expected;
}

app.post("/webhooks/payment", async (req, res) => {
  if (!isSigned(req)) {
    return res.status(200).json({ error: "bad signature" });
  }
  await events.insertOne(req.body);
  for (const item of req.body.items) {
    await fetch(`http://warehouse.internal/stock/${item.sku}`, { method: "POST" });
  }
  res.json({ received: true });
});

app.get("/events", async (req, res) => {
  const found = await events.find({ customer: req.query.customer }).toArray();
  res.json(found);
});

app.get("/labels/:order", (req, res) => {
  exec(`print-label --order ${req.params.order}`, (error, output) => {
    if (error) {
      return res.status(500).send(error.stack);
    }
    res.type("text/plain").send(output);
  });
});

app.get("/events/delete/:id", async (req, res) => {
  await events.deleteOne({ _id: req.params.id });
  res.redirect(req.query.next);
});

app.get("/terms", (req, res) => {
  const language = req.query.lang || "en";
  res.send(fs.readFileSync(`terms/${language}.html`, "utf8"));
});

app.listen(3000);
