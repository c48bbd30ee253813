-- For an Orthanc as a gateway to a PACS that supports only C-STORE. Sends the results of Alara to that PACS, and deletes
-- studies that are no longer needed. Use together with alara.lua, and list it before alara.lua in LuaScripts.
--
-- The PACS and the retention time of studies are in "AlaraGateway" in the configuration of Orthanc (docs/pacs.md).

local settings = GetOrthancConfiguration()['AlaraGateway'] or {}
local modality = settings['Modality'] or 'alara-pacs'
local keepSeconds = (settings['KeepHours'] or 72) * 3600
local sweepSeconds = settings['SweepSeconds'] or 60

-- The metadata type that marks a result as accepted by the PACS. Users of Orthanc may use the numbers from 1024 on.
local sentMetadata = '4242'

-- The result per job of Orthanc, and the start time of the transfer per result. After a restart both are empty, and results
-- are sent again, with the same UIDs.
local jobs = {}
local sending = {}
local resendSeconds = 600
local lastSweep = 0

local function callJson(call, ...)
  local succeeded, answer = pcall(call, ...)
  return succeeded and answer and ParseJson(answer) or nil
end

local function send(instance)
  local body = '{"Resources":["' .. instance .. '"],"Synchronous":false}'
  local job = callJson(RestApiPost, '/modalities/' .. modality .. '/store', body)
  if job then
    jobs[job['ID']] = instance
    sending[instance] = os.time()
  else
    print('A result was not sent to the PACS: check that DicomModalities contains ' .. modality)
  end
end

-- The results that the PACS has not accepted, as a list, and their studies, as a set.
local function unsent()
  local instances, studies = {}, {}
  local query = '{"Level":"Series","Expand":true,"Query":{"Manufacturer":"Alara"}}'
  for _, series in ipairs(callJson(RestApiPost, '/tools/find', query) or {}) do
    for _, instance in ipairs(series['Instances']) do
      local metadata = callJson(RestApiGet, '/instances/' .. instance .. '/metadata?expand') or {}
      if not metadata[sentMetadata] then
        table.insert(instances, instance)
        studies[series['ParentStudy']] = true
      end
    end
  end
  return instances, studies
end

-- Send the results that the PACS has not accepted, and delete old studies without such results. Orthanc 1.10 has no timer, so this
-- function runs when an instance arrives.
local function sweep()
  local now = os.time()
  if now - lastSweep < sweepSeconds then
    return
  end
  lastSweep = now
  local instances, unsentStudies = unsent()
  for _, instance in ipairs(instances) do
    if not sending[instance] or now - sending[instance] > resendSeconds then
      send(instance)
    end
  end
  local oldest = os.date('!%Y%m%dT%H%M%S', math.floor(now - keepSeconds))
  for _, study in ipairs(callJson(RestApiGet, '/studies?expand') or {}) do
    if study['LastUpdate'] < oldest and not unsentStudies[study['ID']] then
      pcall(RestApiDelete, '/studies/' .. study['ID'])
    end
  end
end

-- All scripts share one environment. A function of an earlier script is called first.
local function after(previous, action)
  return function(...)
    local succeeded, problem = true, nil
    if previous then
      succeeded, problem = pcall(previous, ...)
    end
    action(...)
    if not succeeded then
      error(problem, 0)
    end
  end
end

OnStoredInstance = after(OnStoredInstance, function(instance, tags, metadata, origin)
  -- A result that arrives by C-STORE is from another system. It is not sent on, because it could circulate endlessly.
  if tags['Manufacturer'] == 'Alara' and (origin or {})['RequestOrigin'] ~= 'DicomProtocol' then
    send(instance)
  end
  sweep()
end)

OnStableStudy = after(OnStableStudy, sweep)

OnJobSuccess = after(OnJobSuccess, function(job)
  local instance = jobs[job]
  jobs[job] = nil
  if instance then
    sending[instance] = nil
    pcall(RestApiPut, '/instances/' .. instance .. '/metadata/' .. sentMetadata, 'sent')
  end
end)

OnJobFailure = after(OnJobFailure, function(job)
  local instance = jobs[job]
  jobs[job] = nil
  if instance then
    sending[instance] = nil
    print('The PACS did not accept a result; it is sent again when the next film arrives')
  end
end)
