-- Budgets are sums over paid jobs: these indexes hold all that the sums read, and nothing of what was free.
CREATE INDEX job_month_paid ON job(month, charge_u) WHERE charge_u>0;
CREATE INDEX job_payer_paid ON job(payer, charge_u) WHERE charge_u>0;
