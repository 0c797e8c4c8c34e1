"""A small Stripe to practise on.

What it is: a stateful stand-in for Stripe Billing in the API shape `2026-10-28.endive`: accounts, restricted keys,
customers, payment methods, subscriptions that renew on a virtual clock, invoices, charges, refunds, events and signed
webhook deliveries. It is strict: unknown parameters, missing permissions and wrong modes are refused in Stripe's words.

Two doors lead to the same `world.World`:

* in process, without sockets: `stripe.StripeClient(key, http_client=transport.SimulatorTransport(world))`;
* over HTTP on loopback, for any Stripe SDK: `server.serve(world, host, port, on_ready)`, with a control interface under
  `/_simulator/` (move the clock, script an issuer's answer, read the ledger).

Everything but `server`, `courier`, `follow` and `transport` is pure: no clock but the world's own, no disk, no sockets,
no threads, and all chance by hash of (seed, names, instant), so the same scenario and calls give the same ledger.

What it may not do: import anything else of this project. A stand-in that shared our tables would share our mistakes.

Facts are from Stripe's public documentation and SDK 16.1.0. Not built yet: Connect, test clocks, disputes, Stripe's own
retry engine (its schedule is empty: after one failed attempt the invoice stays open, the subscription is past due).
"""
