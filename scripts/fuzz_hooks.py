"""What schemathesis cannot know of Holdfast: how a request reaches behind the 404s, and which
refusals are rules.

A part of a request that is meant to be valid is led to what exists: to ids, made for the purpose
where a request may use them up, to the version that a change is based on, to a lock of the
caller's. What schemathesis has made invalid stays as it is. One valid request in four keeps the ids
that were drawn: strangers' ids are tried, too.
"""

import os
import random
import re
from datetime import UTC, date, datetime, timedelta

import requests
import schemathesis
from hypothesis import strategies
from schemathesis.core.parameters import ParameterLocation
from schemathesis.openapi.checks import RejectedPositiveData

ROLE, TOKEN, OPERATOR, CLINIC, PATIENT = (
    os.environ[f"FUZZ_{name}"] for name in ("ROLE", "TOKEN", "OPERATOR", "CLINIC", "PATIENT"))
STAFF = ROLE in ("receptionist", "admin", "operator")
BASE = f"{os.environ['FUZZ_URL']}/v1/clinics/{CLINIC}"
ZONES = [
    "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia",
    "UTC"]

# What has been stored before decides on these, though the request is valid.
RULES = {
    "slot_in_past", "appointment_in_past", "not_holdable", "waitlist_limit",
    "idempotency_key_reused"}

session = requests.Session()
choices = random.Random(int(os.environ["FUZZ_SEED"]))
# In UTC, as all times here that do not say.
today = datetime.now(UTC).replace(minute=0, second=0, microsecond=0, tzinfo=None)


# The years in which the contract has instants and days: of all years it would refuse most.
def instants(earliest, latest):
    offsets = ["+00:00", "+05:45", "-03:30", "+14:00", "-12:00"]
    return strategies.builds(
        lambda instant, offset: instant.isoformat() + offset,
        strategies.datetimes(earliest, latest), strategies.sampled_from(offsets))


schemathesis.openapi.format(
    "date-time",
    instants(today + timedelta(days=1), today + timedelta(days=25))
    | instants(datetime(2000, 1, 2), datetime(2199, 12, 1)))
schemathesis.openapi.format(
    "date", strategies.dates(date(1900, 1, 1), today.date()).map(date.isoformat))


def ask(method, path, body=None, token=OPERATOR, **headers):
    """An answer's JSON; empty for what was refused."""
    answer = session.request(
        method, f"{BASE}/{path}", json=body, timeout=30,
        headers={"Authorization": f"Bearer {token}", **headers})
    return answer.json() if answer.ok and answer.content else {}


def listed(path):
    return ask("GET", path).get("items", [])


patients = [item["id"] for item in listed("patients?limit=200")]
practitioners = [item["id"] for item in listed("practitioners?limit=200")]


def patient(_=None):
    return PATIENT if ROLE == "patient" else choices.choice(patients)


def practitioner(_=None):
    return choices.choice(practitioners)


def slot(_=None):
    start = today + timedelta(days=1, minutes=choices.randrange(20 * 24 * 60))
    free = listed(f"slots?status=free&limit=20&from={start:%Y-%m-%dT%H:%M:%SZ}")
    return choices.choice(free)["id"] if free else None


def held_slot(_=None):
    wanted = slot()
    ask("POST", f"slots/{wanted}/hold", {"patient_id": patient()})
    return wanted


def appointment(_=None):
    # A patient may be busy then; and one that was used before is as good.
    for _ in range(3):
        if made := ask("POST", "appointments", {"slot_id": slot(), "patient_id": patient()}):
            return made["id"]
    old = listed(f"appointments?patient_id={patient()}")
    return choices.choice(old)["id"] if old else None


def entry(_=None):
    # In a century without slots it waits until it is ended.
    if made := ask("POST", "waitlist", {
            "patient_id": patient(), "from": "2150-01-01T00:00:00Z", "to": "2160-01-01T00:00:00Z"}):
        return made["id"]
    old = listed(f"waitlist?patient_id={patient()}")
    return choices.choice(old)["id"] if old else None


def time_off(_=None):
    start = datetime(2150, 1, 1) + timedelta(days=choices.randrange(10_000))
    return ask("POST", "time-off", {
        "practitioner_id": practitioner(), "starts_at": f"{start.isoformat()}Z",
        "ends_at": f"{(start + timedelta(hours=1)).isoformat()}Z"}).get("id")


def registration(_=None):
    made = ask("POST", "registrations", {
        "name": "Ann", "email": f"{choices.getrandbits(64)}@example.org",
        "birth_date": "1968-02-29"}).get("id")
    if choices.random() < 0.3:
        ask("POST", f"registrations/{made}/claim", token=TOKEN, **{"If-Match": '"1"'})
    return made


def lock(ids):
    """A lock of the caller's, whoever had one; the operator's where the caller may have none."""
    target, token = ids.get("patient") or patient(), TOKEN if STAFF else OPERATOR
    wanted = {
        "targets": [{"type": "patient", "id": target}], "reason": "fuzzing", "ttl_seconds": 60}
    made = ask("POST", "locks", wanted, token)
    if not made:
        for other in listed(f"locks?type=patient&id={target}"):
            ask("DELETE", f"locks/{other['token']}?force=true")
        made = ask("POST", "locks", wanted, token)
    return made.get("token")


def prescription(ids):
    return under_lock(ids, "prescriptions", {"drug": "Ibuprofen", "dosage": "400 mg"})


def insurance(ids):
    return under_lock(ids, "insurances", {"insurer": "Lindenkasse", "policy_number": "1"})


def under_lock(ids, kind, body):
    return ask(
        "POST", f"patients/{ids['patient']}/{kind}", body, TOKEN if STAFF else OPERATOR,
        **{"Lock-Token": lock(ids) or ""}).get("id")


MAKERS = {
    "patient": patient, "practitioner": practitioner, "slot": slot, "appointment": appointment,
    "entry": entry, "time-off": time_off, "registration": registration, "token": lock,
    "prescription": prescription, "insurance": insurance}


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is None:
        return

    # The coverage phase says what it makes invalid; beside it it sends If-Match: 0 by accident.
    target = case.meta.phase.data.parameter_location

    def is_valid(location):
        return not case.meta.is_negative_at(location) or target not in (None, location)

    # What is to be refused is to have that one reason.
    led = case.meta.generation.mode.is_negative or choices.random() < 0.75
    if is_valid(ParameterLocation.PATH) and led:
        lead_path(case)
    if is_valid(ParameterLocation.QUERY) and case.query:
        arrange_query(case)
    if is_valid(ParameterLocation.BODY) and isinstance(case.body, list):
        arrange_patch(case.body)
    if is_valid(ParameterLocation.BODY) and isinstance(case.body, dict):
        arrange_body(case.body, case.operation.definition.raw["operationId"])
        if led:
            lead_body(case)
    if is_valid(ParameterLocation.HEADER) and led:
        lead_headers(case)


def may_lead(case, value):
    """Whether it is no id that the stateful phase has from an answer: only the service makes
    version 7."""
    is_made = re.fullmatch(r"\w{8}-\w{4}-7[-\w]{21}", str(value))
    return case.meta.phase.name != "stateful" or not is_made


def lead_path(case):
    ids = case.path_parameters
    makers = MAKERS | {"clinic": lambda _: CLINIC}
    if case.path.endswith("/hold") and case.method == "DELETE":
        makers["slot"] = held_slot
    for name, value in ids.items():
        if name in makers and may_lead(case, value):
            ids[name] = makers[name](ids) or value


def lead_body(case):
    makers = {"slot_id": slot, "practitioner_id": practitioner, "patient_id": patient}
    for name, value in case.body.items():
        if value and name in makers and may_lead(case, value):
            case.body[name] = makers[name]() or value
    for target in case.body.get("targets", []):
        target["id"] = patient()


def lead_headers(case):
    """The version that there is, a lock that covers the patient, and keys that nobody has used."""
    headers, ids = case.headers, case.path_parameters
    if "Idempotency-Key" in headers and choices.random() < 0.75:
        headers["Idempotency-Key"] = f"{choices.getrandbits(64)}"
    if "Lock-Token" in headers and STAFF:
        booked = ask("GET", f"appointments/{ids['appointment']}") if "appointment" in ids else {}
        body = case.body if isinstance(case.body, dict) else {}
        whose = ids.get("patient") or booked.get("patient_id") or body.get("patient_id")
        headers["Lock-Token"] = lock({"patient": whose}) or headers["Lock-Token"]
    if "If-Match" in headers and ("prescription" in ids or "insurance" in ids):
        # Nobody reads these alone; they have just been made.
        headers["If-Match"] = '"1"'
    elif "If-Match" in headers and "clinic" in ids:
        # The clinic itself, or what stands behind it: /v1/clinics/{clinic}/slots/{slot}...
        path = "/".join(case.formatted_path.split("/")[:6])
        answer = session.get(
            f"{os.environ['FUZZ_URL']}{path}", timeout=30,
            headers={"Authorization": f"Bearer {OPERATOR}"})
        headers["If-Match"] = answer.headers.get("ETag", headers["If-Match"])


def arrange_query(case):
    """What several parameters must be together."""
    query = case.query
    if query.get("from") and query.get("to"):
        query["from"], query["to"] = sorted(
            (query["from"], query["to"]), key=datetime.fromisoformat)
    if query.pop("cursor", None) is not None:
        # A cursor is one that the list has given; there is none where all is on one page.
        answer = session.get(
            f"{os.environ['FUZZ_URL']}{case.formatted_path}", params={**query, "limit": 1},
            headers={"Authorization": f"Bearer {TOKEN}"} if TOKEN else {}, timeout=30)
        if answer.ok and (cursor := answer.json()["next_cursor"]):
            query["cursor"] = cursor


def arrange_body(body, operation):
    """What several members must be together, or what is no matter of shape."""
    if "time_zone" in body:
        body["time_zone"] = choices.choice(ZONES)
    minutes = timedelta(minutes=choices.randrange(1, 24 * 60))
    if operation in ("createSlot", "changeSlot", "createTimeOff") and (
            times := [body[name] for name in ("starts_at", "ends_at") if name in body]):
        body["starts_at"] = times[0]
        body["ends_at"] = (datetime.fromisoformat(times[0]) + minutes).isoformat()
    if operation == "joinWaitlist":
        start = today + timedelta(days=choices.randrange(30))
        body["from"], body["to"] = f"{start.isoformat()}Z", f"{(start + minutes).isoformat()}Z"
    if operation == "createAvailability":
        first = today.date() + timedelta(days=choices.randrange(60))
        body["from"], body["to"] = str(first), str(first + timedelta(days=choices.randrange(28)))
        body["start"], body["end"] = "08:00", "18:30"
        body["slot_minutes"] = min(body["slot_minutes"], 90)
        if body.get("breaks"):
            body["breaks"] = [{"start": "12:00", "end": "12:30"}]


def arrange_patch(operations):
    """Tests come first, and test a member for one value."""
    tests = {operation["path"]: operation for operation in operations if operation["op"] == "test"}
    changes = [operation for operation in operations if operation["op"] != "test"]
    operations[:] = [*tests.values(), *changes]


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Whether it is one, and no refusal of valid data that the contract has in words, because JSON
    Schema has none."""
    if not isinstance(failure, RejectedPositiveData):
        return True
    problem = response.json()
    code, detail, member = (problem.get(name, "") for name in ("code", "detail", "member"))
    return not (
        code in RULES
        # Only a patient may leave it out.
        or code == "missing_member" and member == "patient_id" and STAFF
        # A merge patch of a registration needs If-Match, a JSON Patch with a test does not; and
        # see before_call.
        or code == "precondition_required" and '"' not in case.headers.get("If-Match", "")
        # No text has it; a pattern that says so would hide what the other patterns say.
        or "U+0000" in detail)
