-- Notifies Alara that a chest film was stored, so that Alara polls Orthanc at once instead of after its interval.
--
-- The notification has no content: no name, no identifier, no address. Alara polls the change log of Orthanc, so a lost
-- notification loses no film. The section "Alara" in the configuration of Orthanc has the modalities and the URL of Alara.

local settings = GetOrthancConfiguration()['Alara'] or {}
local modalities = {}
for _, modality in ipairs(settings['Modalities'] or { 'CR', 'DX' }) do
  modalities[modality] = true
end

-- Orthanc runs these functions one after the other, so a receiver that does not answer delays the next event by HttpTimeout.
-- After a failure, no notification is sent for a while. The next notification covers all films in between.
local pauseAfterFailure = 30
local notBefore = 0

local function notify()
  local now = os.time()
  if not settings['Url'] or now < notBefore then
    return
  end
  notBefore = now + 1
  -- The table of headers must not be empty. An empty table ends the process of Orthanc 1.10.1 (Json::LogicError), despite pcall.
  local headers = { ['Content-Type'] = 'text/plain' }
  if (settings['Key'] or '') ~= '' then
    -- API Gateway reads the key only from this header.
    headers['X-API-Key'] = settings['Key']
  end
  -- HttpPost returns nil if it fails. An error of HttpPost must not end the event.
  local called, answer = pcall(HttpPost, settings['Url'], '', headers)
  if not called or answer == nil then
    notBefore = os.time() + pauseAfterFailure
    print('Alara could not be notified; it finds the film at its next poll')
  end
end

-- All scripts in LuaScripts share one environment, so this script must be the last one. A function of an earlier script is
-- called first. An error in that function is logged, and the notification is sent nevertheless.
local function after(previous, isRelevant)
  return function(...)
    local succeeded, problem = true, nil
    if previous then
      succeeded, problem = pcall(previous, ...)
    end
    if isRelevant(...) then
      notify()
    end
    if not succeeded then
      error(problem, 0)
    end
  end
end

OnStoredInstance = after(OnStoredInstance, function(instanceId, tags)
  return modalities[tags['Modality']] and tags['Manufacturer'] ~= 'Alara'
end)

-- Orthanc reports a study as stable after StableAge seconds without a new instance. Alara then reads the study without waiting.
OnStableStudy = after(OnStableStudy, function()
  return true
end)
