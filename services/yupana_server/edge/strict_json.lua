-- Refuses requests whose JSON has fields that the method does not know, or the same field twice.
-- Envoy's transcoder drops such fields without a word: an account whose `minBalanc` was dropped
-- would be opened without a floor.
--
-- METHODS and MESSAGES are put before this text. METHODS: for each verb, pairs of a pattern of the
-- path and the number of the message that the body is. MESSAGES: for each message its fields, with
-- the number of the message that a field holds, -1 for a map, 0 for anything else.

local DEPTH_MAX = 32

local function fail(what)
  error({message = what}, 0)
end

local function space(text, at)
  return text:find("[^ \t\r\n]", at) or #text + 1
end

-- Returns the string that begins at a quote, and what comes behind it.
local function string_at(text, at)
  local from = at + 1
  while true do
    local stop = text:find('["\\]', from)
    if not stop then fail("a string does not end") end
    if text:byte(stop) == 34 then return text:sub(at + 1, stop - 1), stop + 1 end
    from = stop + 2
  end
end

local value

local function object(text, at, message, depth)
  local fields, seen = message > 0 and MESSAGES[message] or nil, {}
  at = space(text, at + 1)
  if text:byte(at) == 125 then return at + 1 end
  while true do
    if text:byte(at) ~= 34 then fail("a field's name is missing") end
    local name
    name, at = string_at(text, at)
    if seen[name] then fail("the field " .. name:sub(1, 64) .. " is there twice") end
    seen[name] = true
    local inside = 0
    if fields then
      inside = fields[name]
      if not inside then fail("there is no field " .. name:sub(1, 64) .. " here") end
    end
    at = space(text, at)
    if text:byte(at) ~= 58 then fail("a colon is missing") end
    at = space(text, value(text, space(text, at + 1), inside, depth))
    local sign = text:byte(at)
    if sign == 125 then return at + 1 end
    if sign ~= 44 then fail("a comma is missing") end
    at = space(text, at + 1)
  end
end

local function array(text, at, message, depth)
  at = space(text, at + 1)
  if text:byte(at) == 93 then return at + 1 end
  while true do
    at = space(text, value(text, at, message, depth))
    local sign = text:byte(at)
    if sign == 93 then return at + 1 end
    if sign ~= 44 then fail("a comma is missing") end
    at = space(text, at + 1)
  end
end

-- Reads a value and returns what comes behind it. `message` is what it must be, where that matters.
function value(text, at, message, depth)
  if depth > DEPTH_MAX then fail("it is nested too deeply") end
  local sign = text:byte(at)
  if sign == 123 then return object(text, at, message, depth + 1) end
  if sign == 91 then return array(text, at, message, depth + 1) end
  if sign == 34 then
    local _, behind = string_at(text, at)
    return behind
  end
  local _, stop = text:find("^[-+.%w]+", at)
  if not stop then fail("a value is missing") end
  return stop + 1
end

local function check(text, message)
  local at = space(text, 1)
  if at > #text then return end
  if text:byte(at) ~= 123 then fail("it is not an object") end
  if space(text, value(text, at, message, 0)) <= #text then fail("more follows behind the object") end
end

local function message_of(methods, path)
  for _, method in ipairs(methods) do
    if path:find(method[1]) then return method[2] end
  end
end

function envoy_on_request(handle)
  local headers = handle:headers()
  headers:remove("x-http-method-override")
  local sent = headers:get("content-type") or ""
  local methods = METHODS[headers:get(":method")]
  if sent:find("^application/grpc") or not methods then return end
  local message = message_of(methods, headers:get(":path"):match("^[^?]*"))
  if not message then return handle:respond({[":status"] = "404"}, "") end
  local body = handle:body()
  local text = body and body:getBytes(0, body:length()) or ""
  local good, problem = pcall(check, text, message)
  if good then return end
  local what = (type(problem) == "table" and problem.message or "it is no JSON"):gsub('[%c"\\\128-\255]', "?")
  handle:respond({[":status"] = "400"}, what)
end
