'use strict';

// Loaded before a server that a test starts: when the test run is killed, the pipe on stdin closes and the server ends.
process.stdin.on('end', () => process.exit(0)).resume();
