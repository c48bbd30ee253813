-- Sends each new chest film to Alara by STOW-RS, for an Orthanc that Alara cannot reach. Each film is one request, because the
-- DICOMweb plugin would send a whole study in one request, and API Gateway accepts at most 10 MB. Do not use together with
-- alara.lua.
--
-- The URL and the key are in "Servers" of "DicomWeb" in the configuration of Orthanc (docs/pacs.md).

local settings = GetOrthancConfiguration()['Alara'] or {}
local server = settings['Server'] or 'alara'
local modalities = {}
for _, modality in ipairs(settings['Modalities'] or { 'CR', 'DX' }) do
  modalities[modality] = true
end

local function forward(instanceId, tags)
  if not modalities[tags['Modality']] or tags['Manufacturer'] == 'Alara' then
    return
  end
  -- The transfer is a job of Orthanc, so it does not delay storage. A failed job can be sent again (POST /jobs/{id}/resubmit).
  local job = '{"Resources":["' .. instanceId .. '"],"Synchronous":false}'
  local called, answer = pcall(RestApiPost, '/dicom-web/servers/' .. server .. '/stow', job)
  if not called or answer == nil then
    print('A film was not sent to Alara: load the DICOMweb plugin, and add the server ' .. server .. ' to its Servers')
  end
end

-- A function of an earlier script in LuaScripts is called first. An error in it does not prevent the transfer of the film.
local previous = OnStoredInstance
function OnStoredInstance(instanceId, tags, ...)
  local succeeded, problem = true, nil
  if previous then
    succeeded, problem = pcall(previous, instanceId, tags, ...)
  end
  forward(instanceId, tags)
  if not succeeded then
    error(problem, 0)
  end
end
