// The same laws with more damaged files.
import './fuzz.test.ts';
