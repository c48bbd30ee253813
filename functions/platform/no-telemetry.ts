/**
 * Keeps ONNX Runtime from sending usage data. Import this module before `onnxruntime-node`, and before a thread starts that
 * loads it. The library reads the environment of the process. Only the main thread can set it, because `process.env` in
 * another thread is a copy.
 */
process.env['ORT_DISABLE_TELEMETRY'] = '1';
