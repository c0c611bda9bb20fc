'use strict'

const path = require('node:path')

const SecretStack = require('secret-stack')
const caps = require('ssb-caps')

const { buttPlugin } = require('./butt')
const { inviteOn } = require('./invites')
const { chatter } = require('./log')

const SECOND = 1000

/**
 * The server: ssb-server's plugins in ssb-server's order, and then `more`. Left out is what a pub in a data centre has
 * no use for: its unix socket, announcements on the local network, WebSockets, Tor, and installing plugins by a call.
 */
function createServer (parts, more) {
  const { config, door, keys, sequence, store } = parts
  const stack = SecretStack({})
  stack.plugins = stack.plugins.map((plugin) => plugin.name === 'multiserver-net' ? door.plugin() : plugin)
  const plugins = [
    require('ssb-db'),
    { init: (server) => sequence.watch(server) },
    require('ssb-private1'),
    require('ssb-master'),
    require('ssb-gossip'),
    require('ssb-replicate'),
    require('ssb-friends'),
    require('ssb-blobs'),
    inviteOn(store, path.join(config.path, 'invites')),
    require('ssb-query'),
    require('ssb-links'),
    require('ssb-ebt'),
    require('ssb-ooo'),
    { init: speak },
    buttPlugin(parts),
    ...more
  ]
  for (const plugin of plugins) stack.use(plugin)
  return stack(translate(config, keys))
}

/** Our configuration in ssb-server's words, with its defaults. */
function translate (config, keys) {
  const incoming = { host: config.host, port: config.port, scope: ['device', 'local', 'public'], transform: 'shs' }
  if (config.external) incoming.external = config.external
  return {
    path: config.path,
    keys,
    caps: { ...caps, ...config.caps },
    host: config.host,
    port: config.port,
    connections: { incoming: { net: [incoming] }, outgoing: { net: [{ transform: 'shs' }] } },
    master: config.master,
    friends: { dunbar: 150, hops: 2 },
    gossip: { connections: 3 },
    timers: { connection: 0, reconnect: 5 * SECOND, ping: 300 * SECOND, handshake: 5 * SECOND },
    timeout: 0,
    party: true,
    pub: true,
    local: false,
    // An invite carries `external`, which may well be private: whoever started the pub knows who is to reach it.
    allowPrivate: true
  }
}

/** Write what plugins say as lines of the log, from notices upwards, as ssb-server does. */
function speak (server) {
  for (const level of ['error', 'warning', 'notice']) {
    // A plugin's error does not end the pub, so it is no error of ours.
    const ours = level === 'notice' ? 'info' : 'warning'
    server.on(`log:${level}`, ([plugin, id, verb, ...data]) => {
      const rest = data.map((part) => typeof part === 'string' ? part : JSON.stringify(part))
      chatter(ours, [id, verb, ...rest].filter(Boolean).join(' '), String(plugin))
    })
  }
}

module.exports = { createServer }
