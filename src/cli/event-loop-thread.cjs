// The thread of watchEventLoop: counts its own ticks while the event loop of the process doesn't turn. Ticks and not
// time, so that a process that was stopped or a machine that was suspended isn't taken for one that is blocked.
'use strict';

const { write } = require('node:fs');
const { Session } = require('node:inspector');
const { hostname } = require('node:os');
const { workerData } = require('node:worker_threads');

const { name, tickMs, shared } = workerData;
const STDOUT = 1;
const FATAL = 60;
// Native code can't be paused. What can be is told first of every script with its source map, which takes seconds in a clone.
const PAUSED_WITHIN_MS = 10_000;
// A log whose reader has stopped takes no line.
const WRITTEN_WITHIN_MS = 2_000;

const state = new Int32Array(shared);
let turns = -1;
let ticks = 0;

const ticking = setInterval(() => {
  const now = Atomics.load(state, 0);
  ticks = now === turns ? ticks + 1 : 0;
  turns = now;
  // A person with a debugger may stand at a breakpoint.
  const limitMs = Atomics.load(state, 2);
  if (Atomics.load(state, 1) === 1 || ticks * tickMs < limitMs) return;
  clearInterval(ticking);
  whereItStands((stack) => end(stack, limitMs));
}, tickMs);

function whereItStands(then) {
  const once = (stack) => {
    clearTimeout(patience);
    then(stack);
  };
  const patience = setTimeout(once, PAUSED_WITHIN_MS, 'it stands in native code');
  const session = new Session();
  session.connectToMainThread();
  session.on('Debugger.paused', ({ params: { callFrames } }) => {
    // Asked in the process itself, so that source maps name the lines that a person wrote.
    const [{ callFrameId }] = callFrames;
    session.post('Debugger.evaluateOnCallFrame', { callFrameId, expression: 'new Error().stack' }, (error, answer) => {
      // Paused it could never go on, should the end not come.
      session.post('Debugger.resume');
      once(
        error
          ? error.message
          : String(answer.result.value)
              .split('\n')
              .slice(2)
              .map((line) => line.trim())
              .join(', '),
      );
    });
  });
  session.post('Debugger.enable');
  session.post('Debugger.pause');
}

function end(stack, limitMs) {
  const seconds = Math.round(limitMs / 1_000);
  const line = {
    level: FATAL,
    time: Date.now(),
    pid: process.pid,
    hostname: hostname(),
    name,
    stack,
    msg: `the event loop has been blocked for ${seconds} s: this process ends itself, to be started again`,
  };
  const kill = () => process.kill(process.pid, 'SIGKILL');
  setTimeout(kill, WRITTEN_WITHIN_MS);
  write(STDOUT, `${JSON.stringify(line)}\n`, kill);
}
