import { expect, test } from 'vitest';
import { withoutPaths } from '../../functions/core/errors.ts';

test.each([
  [
    "ENOENT: no such file or directory, open '/srv/my models/chest14/r512.onnx'",
    'ENOENT: no such file or directory, open …',
  ],
  ['Load model from /srv/models/a.onnx failed: wrong magic', 'Load model from … failed: wrong magic'],
  ['/onnxruntime_src/core/session.cc:2137 Initialize', '…:2137 Initialize'],
  ["Cannot find module 'file:///opt/alara/worker.js' imported", "Cannot find module '…' imported"],
  ['open "C:\\\\Models\\\\a b.onnx" failed', 'open … failed'],
  ['C:\\Models\\a.onnx is missing', '… is missing'],
  // Not paths: slashes in a graph, a type or a number.
  [
    'expected float32/float16, 3/4 of it; see https://example.org/a/b',
    'expected float32/float16, 3/4 of it; see https://example.org/a/b',
  ],
  ['image/png is not application/dicom', 'image/png is not application/dicom'],
])('%j', (text, expected) => {
  expect(withoutPaths(text)).toBe(expected);
});
