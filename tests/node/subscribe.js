'use strict';

// Subscribes to channels with pusher-js and writes what it hears to stdout, one JSON object a line:
//   {"heard": "pusher:subscription_succeeded" | any event's name, "channel": ..., "data": ...}
//   {"heard": "error", "data": ...}                                       of the connection itself
// A line on stdin is {"trigger": event, "channel": ..., "data": ...}; the end of stdin ends the program.

const readline = require('node:readline');

const Pusher = require('pusher-js');

const options = JSON.parse(process.argv[2]);

function write(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const client = new Pusher(options.key, {
  cluster: 'none',
  wsHost: '127.0.0.1',
  wsPort: options.port,
  forceTLS: false,
  enabledTransports: ['ws'],
  channelAuthorization: { endpoint: options.authorizationUrl, transport: 'ajax' },
});

client.connection.bind('error', (error) => write({ heard: 'error', data: error }));

for (const channel of options.channels) {
  client.subscribe(channel).bind_global((event, data) => write({ heard: event, channel, data }));
}

readline
  .createInterface({ input: process.stdin })
  .on('line', (line) => {
    const order = JSON.parse(line);
    client.channel(order.channel).trigger(order.trigger, order.data);
  })
  .on('close', () => process.exit(0));
