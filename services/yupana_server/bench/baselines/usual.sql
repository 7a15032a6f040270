-- The usual way to keep balances: a row an account, a row a transfer, locks on the accounts.
--
-- As much as the ledger keeps is kept here too, as far as this way can: debits and credits by
-- account in 128 bits, unique ids, a floor, transfers by account and time. It has no history of
-- balances, no holds and no hash chain.
CREATE SCHEMA usual;

CREATE TABLE usual.accounts (
    id              text COLLATE "C" PRIMARY KEY,
    min_balance     numeric(39, 0),
    debits_posted   numeric(39, 0) NOT NULL DEFAULT 0,
    credits_posted  numeric(39, 0) NOT NULL DEFAULT 0
);

CREATE TABLE usual.transfers (
    id              text COLLATE "C" PRIMARY KEY,
    debit_account   text COLLATE "C" NOT NULL,
    credit_account  text COLLATE "C" NOT NULL,
    amount          numeric(39, 0) NOT NULL,
    recorded_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX transfers_debits ON usual.transfers (debit_account, recorded_at);
CREATE INDEX transfers_credits ON usual.transfers (credit_account, recorded_at);

-- One transfer: locks both accounts in the order of their ids, so that there are no deadlocks.
CREATE FUNCTION usual.transfer(
    transfer_id text, debit text, credit text, moved numeric
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    available numeric;
    floor     numeric;
BEGIN
    PERFORM FROM usual.transfers t WHERE t.id = transfer_id;
    IF FOUND THEN
        RETURN 'replayed';
    END IF;
    PERFORM FROM usual.accounts a WHERE a.id IN (debit, credit) ORDER BY a.id FOR UPDATE;
    SELECT a.credits_posted - a.debits_posted, a.min_balance INTO STRICT available, floor
        FROM usual.accounts a WHERE a.id = debit;
    IF available - moved < floor THEN
        RETURN 'rejected';
    END IF;
    UPDATE usual.accounts a SET debits_posted = a.debits_posted + moved WHERE a.id = debit;
    UPDATE usual.accounts a SET credits_posted = a.credits_posted + moved WHERE a.id = credit;
    INSERT INTO usual.transfers (id, debit_account, credit_account, amount)
        VALUES (transfer_id, debit, credit, moved);
    RETURN 'transfer_posted';
END
$$;

-- Many transfers in one call, each decided on what the one before it left: locks all their accounts
-- in order, then takes one after the other.
CREATE FUNCTION usual.transfer_each(
    transfer_ids text[], debits text[], credits text[], moved numeric[]
) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    posted integer := 0;
BEGIN
    PERFORM FROM usual.accounts a WHERE a.id = ANY (debits || credits) ORDER BY a.id FOR UPDATE;
    FOR place IN 1 .. cardinality(transfer_ids) LOOP
        IF usual.transfer(
            transfer_ids[place], debits[place], credits[place], moved[place]
        ) = 'transfer_posted' THEN
            posted := posted + 1;
        END IF;
    END LOOP;
    RETURN posted;
END
$$;

-- Many transfers in one call, added up by account: the fastest of these ways, and the weakest. No
-- transfer sees what the one before it left, and one that would break a floor fails all.
CREATE FUNCTION usual.transfer_sums(
    transfer_ids text[], debits text[], credits text[], moved numeric[]
) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    inserted integer;
BEGIN
    PERFORM FROM usual.accounts a WHERE a.id = ANY (debits || credits) ORDER BY a.id FOR UPDATE;
    WITH new AS (
        INSERT INTO usual.transfers (id, debit_account, credit_account, amount)
        SELECT * FROM unnest(transfer_ids, debits, credits, moved)
        ON CONFLICT (id) DO NOTHING
        RETURNING debit_account, credit_account, amount
    ), sums AS (
        SELECT account, sum(debited) AS debited, sum(credited) AS credited
        FROM (
            SELECT debit_account AS account, amount AS debited, 0 AS credited FROM new
            UNION ALL SELECT credit_account, 0, amount FROM new
        ) moves
        GROUP BY account
    ), updated AS (
        UPDATE usual.accounts a SET
            debits_posted = a.debits_posted + sums.debited,
            credits_posted = a.credits_posted + sums.credited
        FROM sums WHERE a.id = sums.account
    )
    SELECT count(*) INTO inserted FROM new;
    PERFORM FROM usual.accounts a
        WHERE a.id = ANY (debits) AND a.credits_posted - a.debits_posted < a.min_balance;
    IF FOUND THEN
        RAISE EXCEPTION 'an account would fall below its floor';
    END IF;
    RETURN inserted;
END
$$;
