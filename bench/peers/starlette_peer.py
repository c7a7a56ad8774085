"""A booking service as a team would write it in Python: Starlette, asyncpg, uvloop.

The same five statements in a transaction, the same rows, and the same answers as Holdfast gives to the
benchmark: 201, 404 or 409. No tokens are looked at.

    DATABASE_URL=... uvicorn starlette_peer:app --workers 2 --loop uvloop --http httptools
"""

import json
import os
import time
from secrets import randbits
from uuid import UUID

import asyncpg
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

LOCK_SLOT = """
SELECT practitioner_id, starts_at, ends_at, capacity, booked, blocked, held_by, held_until, version
FROM slots
WHERE clinic_id = $1 AND id = $2
FOR UPDATE
"""

READ_PATIENT = """
SELECT
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
WHERE clinic_id = $1 AND id = $2
"""

INSERT_APPOINTMENT = """
INSERT INTO appointments (
    clinic_id, id, slot_id, seat, practitioner_id, patient_id, starts_at, ends_at
)
VALUES ($1, $2, $3, 1, $4, $5, $6, $7)
"""

FILL_SLOT = """
UPDATE slots
SET booked = booked + 1, held_by = NULL, held_since = NULL, held_until = NULL, version = version + 1
WHERE clinic_id = $1 AND id = $2
"""

RECORD = """
WITH marked AS (
    INSERT INTO markers (clinic_id, id, run) VALUES ($1, $2, 1)
),
recorded AS (
    INSERT INTO journal (
        clinic_id, id, object_type, object_id, version, actor, action, request_id, detail
    )
    VALUES
    ($1, $3, 'appointment', $4, 1, 'reception', 'appointment.booked', $5, $6::jsonb),
    ($1, $7, 'slot', $8, $9, 'reception', 'slot.booked', $5, $10::jsonb)
)
INSERT INTO outbox (clinic_id, kind, subject, id, recipient, status)
SELECT
    $1, 'appointment.booked', $4::text || ':1', $11, email,
    CASE WHEN email IS NULL THEN 'failed' ELSE 'queued' END
FROM patients
WHERE clinic_id = $1 AND id = $12
"""


def new_id():
    """A UUID of version 7."""
    value = int(time.time() * 1000) << 80 | 0x7 << 76 | randbits(12) << 64 | 0b10 << 62 | randbits(62)
    return UUID(int=value)


def problem(status, code):
    return JSONResponse({"status": status, "code": code}, status)


async def book(request):
    body = json.loads(await request.body())
    clinic = UUID(request.path_params["clinic"])
    slot_id, patient_id = UUID(body["slot_id"]), UUID(body["patient_id"])
    async with app.state.pool.acquire() as connection, connection.transaction():
        slot = await connection.fetchrow(LOCK_SLOT, clinic, slot_id)
        if slot is None:
            return problem(404, "slot_not_found")
        starts_at, ends_at = slot["starts_at"], slot["ends_at"]
        patient = await connection.fetchrow(READ_PATIENT, clinic, patient_id, starts_at, ends_at)
        if patient is None:
            return problem(404, "patient_not_found")
        if starts_at <= patient["now"]:
            return problem(409, "slot_in_past")
        if slot["blocked"]:
            return problem(409, "slot_unavailable")
        if slot["booked"] >= slot["capacity"]:
            return problem(409, "slot_taken")
        if slot["held_until"] and slot["held_until"] > patient["now"] and slot["held_by"] != patient_id:
            return problem(409, "slot_held")
        if patient["is_busy"]:
            return problem(409, "patient_busy")
        appointment, practitioner = new_id(), slot["practitioner_id"]
        await connection.execute(
            INSERT_APPOINTMENT, clinic, appointment, slot_id, practitioner, patient_id, starts_at, ends_at)
        await connection.execute(FILL_SLOT, clinic, slot_id)
        detail = {
            "slot_id": str(slot_id), "practitioner_id": str(practitioner), "patient_id": str(patient_id),
            "starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat()}
        await connection.execute(
            RECORD, clinic, new_id(), new_id(), appointment, str(new_id()), json.dumps(detail), new_id(),
            slot_id, slot["version"] + 1, json.dumps({"appointment_id": str(appointment)}), new_id(),
            patient_id)
    return JSONResponse(
        {
            "id": str(appointment), "clinic_id": str(clinic), "slot_id": str(slot_id),
            "practitioner_id": str(practitioner), "patient_id": str(patient_id),
            "starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat(), "status": "booked",
            "reason": None, "version": 1, "created_at": patient["now"].isoformat(),
        },
        201)


async def connect():
    app.state.pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=8, max_size=8)


app = Starlette(
    routes=[Route("/v1/clinics/{clinic}/appointments", book, methods=["POST"])], on_startup=[connect])
