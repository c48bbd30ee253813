/**
 * Keeps ONNX Runtime from sending usage data. Import this module before `onnxruntime-node`, and before a thread that
 * loads it is started: the library reads the environment of the process, which only the main thread can set. In a worker
 * thread, `process.env` is a copy.
 */
process.env['ORT_DISABLE_TELEMETRY'] = '1';
