'use strict';

// pusher-js on Node.js, whose build for Node.js holds the encryption. It counts and reports as meter.py does.

const readline = require('node:readline');

const Pusher = require('pusher-js');

const BEGIN = 'begin';
const EVENT = 'order-created';
const END = 'end';

function report(figures) {
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}

let started;
let events = 0;
let last;
let latencies = [];

function begin() {
  started = { wall: process.hrtime.bigint(), cpu: process.cpuUsage() };
  events = 0;
  latencies = [];
}

function count(data) {
  events += 1;
  last = data;
}

function countLatency(data) {
  latencies.push(Number(process.hrtime.bigint() - BigInt(data.sent)));
  count(data);
}

function end() {
  const wall = Number(process.hrtime.bigint() - started.wall) / 1e9;
  const used = process.cpuUsage(started.cpu);
  report({ events, wall, cpu: (used.user + used.system) / 1e6, last, longest_block: 0, longest_work: 0, latencies });
}

function start(setup) {
  const client = new Pusher(setup.key, {
    cluster: 'none',
    wsHost: '127.0.0.1',
    wsPort: setup.port,
    forceTLS: false,
    enabledTransports: ['ws'],
    channelAuthorization: { endpoint: setup.authorization_url, transport: 'ajax' },
  });

  const subscribed = setup.channels.map((name) => {
    const channel = client.subscribe(name);
    channel.bind(BEGIN, begin);
    channel.bind(EVENT, setup.latency ? countLatency : count);
    channel.bind(END, end);
    return new Promise((resolve) => channel.bind('pusher:subscription_succeeded', resolve));
  });

  Promise.all(subscribed).then(() => report({ ready: true }));
}

// The first line says what to do; it ends with whoever started it.
readline
  .createInterface({ input: process.stdin })
  .once('line', (line) => start(JSON.parse(line)))
  .on('close', () => process.exit(0));
