// The same tests with more damaged files.
import './fuzz.test.ts';
