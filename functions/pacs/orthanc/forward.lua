-- Sends each chest film that arrives to Alara by STOW-RS, where Alara cannot reach this Orthanc to pull it. One request a
-- film: the DICOMweb plugin puts a whole study into one, and API Gateway takes 10 MB. Not together with alara.lua.
--
-- Where to, and with which key, stands under "Servers" of "DicomWeb" in the configuration of Orthanc (docs/pacs.md).

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
  -- A job of Orthanc: it does not hold up storing, and one that failed can be sent again (POST /jobs/{id}/resubmit).
  local job = '{"Resources":["' .. instanceId .. '"],"Synchronous":false}'
  local called, answer = pcall(RestApiPost, '/dicom-web/servers/' .. server .. '/stow', job)
  if not called or answer == nil then
    print('A film was not sent to Alara: is the DICOMweb plugin loaded, and a server of that name in its settings?')
  end
end

-- A function that an earlier script in LuaScripts defined is called first; an error in it does not stop the film.
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
