"""Who answers a charge: cards, banks, issuers and people, by worlds of data. Seeded; knows no object of Stripe."""
