-- For an Orthanc between the X-ray rooms and a PACS that speaks C-STORE only: sends Alara's results on to that PACS, and
-- deletes studies when they are no longer needed. Beside alara.lua, and before it in LuaScripts.
--
-- Where to, and for how long studies are kept, stands under "AlaraGateway" in the configuration of Orthanc (docs/pacs.md).

local settings = GetOrthancConfiguration()['AlaraGateway'] or {}
local modality = settings['Modality'] or 'alara-pacs'
local keepSeconds = (settings['KeepHours'] or 72) * 3600
local sweepSeconds = settings['SweepSeconds'] or 60

-- Metadata of a result that the PACS has taken. Numbers from 1024 on are free for users of Orthanc.
local sentMark = '4242'

-- Results in a job of Orthanc, by job, and since when each is in one. Lost at a restart: then they are sent once more, under the
-- same UIDs.
local jobs = {}
local sending = {}
local resendSeconds = 600
local lastSweep = 0

local function parsed(call, ...)
  local succeeded, answer = pcall(call, ...)
  return succeeded and answer and ParseJson(answer) or nil
end

local function send(instance)
  local body = '{"Resources":["' .. instance .. '"],"Synchronous":false}'
  local job = parsed(RestApiPost, '/modalities/' .. modality .. '/store', body)
  if job then
    jobs[job['ID']] = instance
    sending[instance] = os.time()
  else
    print('A result was not sent to the PACS: is ' .. modality .. ' in DicomModalities?')
  end
end

-- Results that the PACS has not taken, as a list, and the studies that they belong to, as a set.
local function unsent()
  local instances, studies = {}, {}
  local query = '{"Level":"Series","Expand":true,"Query":{"Manufacturer":"Alara"}}'
  for _, series in ipairs(parsed(RestApiPost, '/tools/find', query) or {}) do
    for _, instance in ipairs(series['Instances']) do
      local metadata = parsed(RestApiGet, '/instances/' .. instance .. '/metadata?expand') or {}
      if not metadata[sentMark] then
        table.insert(instances, instance)
        studies[series['ParentStudy']] = true
      end
    end
  end
  return instances, studies
end

-- Send what the PACS did not take, and delete old studies of which it has everything. Orthanc 1.10 has no timer: this runs
-- when something arrives.
local function sweep()
  local now = os.time()
  if now - lastSweep < sweepSeconds then
    return
  end
  lastSweep = now
  local instances, needed = unsent()
  for _, instance in ipairs(instances) do
    if not sending[instance] or now - sending[instance] > resendSeconds then
      send(instance)
    end
  end
  local oldest = os.date('!%Y%m%dT%H%M%S', math.floor(now - keepSeconds))
  for _, study in ipairs(parsed(RestApiGet, '/studies?expand') or {}) do
    if study['LastUpdate'] < oldest and not needed[study['ID']] then
      pcall(RestApiDelete, '/studies/' .. study['ID'])
    end
  end
end

-- All scripts share one environment: a function that an earlier script defined is called first.
local function after(previous, work)
  return function(...)
    local succeeded, problem = true, nil
    if previous then
      succeeded, problem = pcall(previous, ...)
    end
    work(...)
    if not succeeded then
      error(problem, 0)
    end
  end
end

OnStoredInstance = after(OnStoredInstance, function(instance, tags, metadata, origin)
  -- What comes by C-STORE is from elsewhere: to send it on could go round in a circle.
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
    pcall(RestApiPut, '/instances/' .. instance .. '/metadata/' .. sentMark, 'sent')
  end
end)

OnJobFailure = after(OnJobFailure, function(job)
  local instance = jobs[job]
  jobs[job] = nil
  if instance then
    sending[instance] = nil
    print('The PACS did not take a result; it is sent again when the next film arrives')
  end
end)
