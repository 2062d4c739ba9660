-- +goose Up
-- What belongs to a customer, and the customers that somebody vouched for, the newest first. None of these columns changes
-- with a message, so no message writes to them.

CREATE INDEX conversation_contact ON conversation (tenant, contact);
CREATE INDEX visitor_contact ON visitor (tenant, contact);
CREATE INDEX contact_known ON contact (tenant, id) WHERE external_id <> '';
