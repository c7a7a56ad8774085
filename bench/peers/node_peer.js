// A booking service as a team would write it in Node: http, cluster and node-pg.
//
// The same five statements in a transaction, the same rows, and the same answers as Holdfast gives to the
// benchmark: 201, 404 or 409. No tokens are looked at.
//
//     DATABASE_URL=... PORT=... node node_peer.js

const cluster = require("cluster");
const crypto = require("crypto");
const http = require("http");

if (cluster.isPrimary) {
  for (let i = 0; i < 2; i++) cluster.fork();
  process.on("SIGTERM", () => process.exit(0));
  return;
}

const { Pool } = require("pg");

// Each statement is prepared once for a connection, by its name.
const lockSlot = {
  name: "lock-slot",
  text: `SELECT practitioner_id, starts_at, ends_at, capacity, booked, blocked, held_by, held_until, version
    FROM slots
    WHERE clinic_id = $1 AND id = $2
    FOR UPDATE`,
};
const readPatient = {
  name: "read-patient",
  text: `SELECT
        clock_timestamp() AS now,
        EXISTS (
            SELECT
            FROM appointments
            WHERE clinic_id = $1
                AND patient_id = patients.id
                AND status <> 'cancelled'
                AND tstzrange(appointments.starts_at, appointments.ends_at) && tstzrange($3, $4)
        ) AS is_busy
    FROM patients
    WHERE clinic_id = $1 AND id = $2`,
};
const insertAppointment = {
  name: "insert-appointment",
  text: `INSERT INTO appointments (
        clinic_id, id, slot_id, seat, practitioner_id, patient_id, starts_at, ends_at
    )
    VALUES ($1, $2, $3, 1, $4, $5, $6, $7)`,
};
const fillSlot = {
  name: "fill-slot",
  text: `UPDATE slots
    SET booked = booked + 1, held_by = NULL, held_since = NULL, held_until = NULL, version = version + 1
    WHERE clinic_id = $1 AND id = $2`,
};
const record = {
  name: "record",
  text: `WITH marked AS (
        INSERT INTO markers (clinic_id, id, run) VALUES ($1, $2, 1)
    ),
    recorded AS (
        INSERT INTO journal (
            clinic_id, id, object_type, object_id, version, actor, action, request_id, detail
        )
        VALUES
        ($1, $3, 'appointment', $4, 1, 'reception', 'appointment.booked', $5, $6),
        ($1, $7, 'slot', $8, $9, 'reception', 'slot.booked', $5, $10)
    )
    INSERT INTO outbox (clinic_id, kind, subject, id, recipient, status)
    SELECT
        $1, 'appointment.booked', $4::text || ':1', $11, email,
        CASE WHEN email IS NULL THEN 'failed' ELSE 'queued' END
    FROM patients
    WHERE clinic_id = $1 AND id = $12`,
};

const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 8 });

// A UUID of version 7.
function newID() {
  const bytes = crypto.randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

class Refusal extends Error {
  constructor(status, code) {
    super(code);
    this.status = status;
  }
}

async function book(clinic, body) {
  const connection = await pool.connect();
  const query = async (statement, ...values) => (await connection.query({ ...statement, values })).rows[0];
  try {
    await connection.query("BEGIN");
    const slot = await query(lockSlot, clinic, body.slot_id);
    if (!slot) throw new Refusal(404, "slot_not_found");
    const patient = await query(readPatient, clinic, body.patient_id, slot.starts_at, slot.ends_at);
    if (!patient) throw new Refusal(404, "patient_not_found");
    if (slot.starts_at <= patient.now) throw new Refusal(409, "slot_in_past");
    if (slot.blocked) throw new Refusal(409, "slot_unavailable");
    if (slot.booked >= slot.capacity) throw new Refusal(409, "slot_taken");
    if (slot.held_until > patient.now && slot.held_by !== body.patient_id) {
      throw new Refusal(409, "slot_held");
    }
    if (patient.is_busy) throw new Refusal(409, "patient_busy");
    const id = newID();
    const { practitioner_id, starts_at, ends_at } = slot;
    await query(
      insertAppointment, clinic, id, body.slot_id, practitioner_id, body.patient_id, starts_at, ends_at);
    await query(fillSlot, clinic, body.slot_id);
    const detail = {
      slot_id: body.slot_id, practitioner_id, patient_id: body.patient_id, starts_at, ends_at,
    };
    await query(
      record, clinic, newID(), newID(), id, newID(), detail, newID(), body.slot_id,
      Number(slot.version) + 1, { appointment_id: id }, newID(), body.patient_id);
    await connection.query("COMMIT");
    return {
      id, clinic_id: clinic, slot_id: body.slot_id, practitioner_id, patient_id: body.patient_id,
      starts_at, ends_at, status: "booked", reason: null, version: 1, created_at: patient.now,
    };
  } catch (error) {
    await connection.query("ROLLBACK");
    throw error;
  } finally {
    connection.release();
  }
}

function answer(response, status, object) {
  const text = JSON.stringify(object);
  response.writeHead(status, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) });
  response.end(text);
}

http
  .createServer((request, response) => {
    const match = /^\/v1\/clinics\/([^/]+)\/appointments$/.exec(request.url);
    if (request.method !== "POST" || !match) return answer(response, 404, { code: "not_found" });
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", async () => {
      try {
        answer(response, 201, await book(match[1], JSON.parse(body)));
      } catch (error) {
        const status = error instanceof Refusal ? error.status : 500;
        if (status === 500) console.error(error);
        answer(response, status, { status, code: error.message });
      }
    });
  })
  .listen(Number(process.env.PORT), "127.0.0.1");
