-- Books one slot behind the other, for wrk. Arguments, as name=value:
--   first     the number of the first slot            slots    begin again behind so many (none: never)
--   clinics   of how many                             patients of how many
--   tokens    a file with a token for each clinic     keys     1: each with an Idempotency-Key
--   book      where to, if not to Holdfast: a path

local settings = { first = 0, slots = 0, clinics = 1, patients = 20000, keys = 0 }
local tokens = {}
local number

function init(arguments)
    for _, argument in ipairs(arguments) do
        local name, value = argument:match("^(%w+)=(.*)$")
        settings[name] = tonumber(value) or value
    end
    for token in io.lines(settings.tokens) do tokens[#tokens + 1] = token end
    number = 0
end

function request()
    local slot = settings.first + number
    if settings.slots > 0 then slot = settings.first + number % settings.slots end
    local patient = (settings.first + number) % settings.patients
    local clinic = slot % settings.clinics
    number = number + 1
    local headers = {
        ["Authorization"] = "Bearer " .. tokens[clinic + 1],
        ["Content-Type"] = "application/json",
    }
    if settings.keys == 1 then headers["Idempotency-Key"] = "booking-" .. settings.first + number end
    local path = settings.book
        or string.format("/v1/clinics/00000000-0000-7000-8001-%012d/appointments", clinic)
    return wrk.format("POST", path, headers, string.format(
        '{"slot_id":"00000000-0000-7000-8004-%012d","patient_id":"00000000-0000-7000-8003-%012d"}',
        slot, patient))
end
