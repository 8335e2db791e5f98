'use strict';

// Subscribes to channels with pusher-js and writes what it hears to stdout, one JSON object a line:
//   {"heard": "pusher:subscription_succeeded" | any event's name, "channel": ..., "data": ...}
//   {"heard": "error", "data": ...}                                       of the connection itself
//   {"heard": any event's name, "channel": null, "data": ...}             of the user, or of those whom it watches
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
  userAuthentication: { endpoint: options.userAuthenticationUrl, params: options.user, transport: 'ajax' },
});

client.connection.bind('error', (error) => write({ heard: 'error', data: error }));

function subscribe() {
  for (const channel of options.channels) {
    client.subscribe(channel).bind_global((event, data) => write({ heard: event, channel, data }));
  }
}

if (options.user) {
  const { user } = client;
  user.bind_global((event, data) => write({ heard: event, channel: null, data }));
  user.watchlist.bind_global((event, data) => write({ heard: event, channel: null, data: data.user_ids }));
  client.signin();
  user.signinDonePromise.then(() => {
    const own = user.serverToUserChannel;
    own.bind('pusher:subscription_succeeded', () => write({ heard: 'pusher:subscription_succeeded', channel: own.name }));
    subscribe();
  });
} else {
  subscribe();
}

readline
  .createInterface({ input: process.stdin })
  .on('line', (line) => {
    const order = JSON.parse(line);
    client.channel(order.channel).trigger(order.trigger, order.data);
  })
  .on('close', () => process.exit(0));
