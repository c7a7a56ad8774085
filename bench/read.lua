-- Reads slots, for wrk. Arguments, as name=value:
--   slots    of how many                    practitioners   of how many
--   what     list: a page of a practitioner's slots; search: the next that are free

local settings = { slots = 10000, practitioners = 50, what = "list" }

function init(arguments)
    for _, argument in ipairs(arguments) do
        local name, value = argument:match("^(%w+)=(.*)$")
        settings[name] = tonumber(value) or value
    end
end

function request()
    local practitioner = math.random(0, settings.practitioners - 1)
    local path = string.format(
        "/v1/clinics/00000000-0000-7000-8001-000000000000/slots"
            .. "?practitioner_id=00000000-0000-7000-8002-%012d&limit=%d%s",
        practitioner, settings.what == "list" and 50 or 10,
        settings.what == "search" and "&status=free" or "")
    return wrk.format("GET", path)
end
