-- Incidents: what is wrong, what customers are told of it, and what was done when. What is said of
-- an incident is added to, never changed.
CREATE TABLE strongroom.incidents (
  id text COLLATE "C" PRIMARY KEY,                -- inc_…
  title text NOT NULL CHECK (length(title) <= 200),
  severity text NOT NULL CHECK (severity IN ('P1', 'P2', 'notice')),
  status text NOT NULL CHECK (status IN ('open', 'monitoring', 'resolved')),
  components text[] NOT NULL DEFAULT '{}',
  banner text CHECK (length(banner) BETWEEN 1 AND 300),
  expected_at timestamptz,
  opened_by text NOT NULL,
  opened_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  resolved_at timestamptz,
  CHECK ((status = 'resolved') = (resolved_at IS NOT NULL))
);
CREATE INDEX incidents_open ON strongroom.incidents (id) WHERE status <> 'resolved';

CREATE TABLE strongroom.incident_updates (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  incident_id text NOT NULL REFERENCES strongroom.incidents,
  at timestamptz NOT NULL,
  by text NOT NULL,
  status text NOT NULL,
  banner text,
  expected_at timestamptz,
  note text CHECK (length(note) BETWEEN 1 AND 2000)
);
CREATE INDEX incident_updates_of ON strongroom.incident_updates (incident_id, number);

GRANT SELECT, INSERT, UPDATE (status, banner, expected_at, updated_at, resolved_at)
   ON strongroom.incidents TO strongroom_app, strongroom_api;
GRANT SELECT, INSERT ON strongroom.incident_updates TO strongroom_app, strongroom_api;
GRANT SELECT ON strongroom.incidents TO strongroom_worker;
GRANT SELECT ON strongroom.incidents, strongroom.incident_updates TO strongroom_auditor;
