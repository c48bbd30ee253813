-- Tells Alara that a chest film has arrived, so that it looks at once and not only at its next look.
--
-- This is a nudge and carries nothing: no name, no identifier, no address. Alara follows the change log of Orthanc, so
-- that a nudge which gets lost loses no film. What to tell, and where, stands under "Alara" in the configuration of Orthanc.

local settings = GetOrthancConfiguration()['Alara'] or {}
local modalities = {}
for _, modality in ipairs(settings['Modalities'] or { 'CR', 'DX' }) do
  modalities[modality] = true
end

-- Orthanc calls these functions one after the other: a receiver that does not answer would hold up the next event by
-- HttpTimeout. So it is left alone for a while after a failure, and told of many films at once.
local pauseAfterFailure = 30
local notBefore = 0

local function nudge()
  local now = os.time()
  if not settings['Url'] or now < notBefore then
    return
  end
  notBefore = now + 1
  -- Never empty: an empty table of headers ends the whole process of Orthanc 1.10.1 (Json::LogicError), and no pcall helps.
  local headers = { ['Content-Type'] = 'text/plain' }
  if (settings['Key'] or '') ~= '' then
    -- The one header that API Gateway takes it from as well.
    headers['X-API-Key'] = settings['Key']
  end
  -- HttpPost answers nothing when it fails; should it raise an error, that must not end the event.
  local called, answer = pcall(HttpPost, settings['Url'], '', headers)
  if not called or answer == nil then
    notBefore = os.time() + pauseAfterFailure
    print('Alara was not told; it will see the film at its next look')
  end
end

-- All scripts in LuaScripts share one environment: a function that an earlier script defined is called first, and an error
-- in it stops neither the nudge nor its own message in the log. Alara's script therefore stands last in LuaScripts.
local function after(previous, nudges)
  return function(...)
    local succeeded, problem = true, nil
    if previous then
      succeeded, problem = pcall(previous, ...)
    end
    if nudges(...) then
      nudge()
    end
    if not succeeded then
      error(problem, 0)
    end
  end
end

OnStoredInstance = after(OnStoredInstance, function(instanceId, tags)
  return modalities[tags['Modality']] and tags['Manufacturer'] ~= 'Alara'
end)

-- Orthanc calls a study stable when nothing was added to it for StableAge seconds: Alara then need not wait itself.
OnStableStudy = after(OnStableStudy, function()
  return true
end)
