'use strict'

// A client of the living network, put together of its unchanged modules. Usage: node client.js CONFIG.json, with
// {set, modules, path, caps}: the set's name, the folder with its node_modules, the data folder, the network key.
// Then one JSON request a line on stdin, {id, call, args}, and one answer a line on stdout, {id, error, value}.

const crypto = require('node:crypto')
const fs = require('node:fs')
const { createRequire } = require('node:module')
const path = require('node:path')
const readline = require('node:readline')

const config = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'))
const load = createRequire(path.join(config.modules, 'package.json'))
console.log = console.info = console.warn = () => {}

// ssb-conn dials no loopback by itself, and a test has nothing else.
const loadOf = (name) => createRequire(load.resolve(name))
loadOf('ssb-conn')('ip').isLoopback = () => false

const pull = load('pull-stream')
const keys = load('ssb-keys').loadOrCreateSync(path.join(config.path, 'secret'))
const caps = { ...load('ssb-caps'), shs: config.caps }

// As ssb-config has them, which apps load.
const TIMERS = { connection: 0, reconnect: 5000, ping: 300000, handshake: 5000, inactivity: 600000 }

const SETS = {
  manyverse: {
    plugins: [
      'ssb-db2/core', 'ssb-classic', 'ssb-box', 'ssb-box2', 'ssb-db2/compat', 'ssb-db2/compat/feedstate', 'ssb-db2/about-self', 'ssb-db2/full-mentions',
      'ssb-conn', 'ssb-friends', 'ssb-ebt', 'ssb-conn-firewall', 'ssb-replication-scheduler', 'ssb-blobs',
      'ssb-invite-client', 'ssb-http-invite-client', 'ssb-room-client', 'ssb-http-auth-client'
    ],
    // As the app does: without incoming tunnels ssb-room-client never asks whether a pub is a room.
    connections: {
      incoming: { tunnel: [{ scope: 'public', transform: 'shs' }] },
      outgoing: { net: [{ transform: 'shs' }], tunnel: [{ transform: 'shs' }] }
    },
    more: { friends: { hops: 2 }, conn: { autostart: true, hops: 2, populatePubs: false } },
    joins: (invite, done) => server.invite.accept({ invite, shouldPublish: false }, done),
    // As the app does: the rest of what it knows of the pub comes from ssb-room-client.
    claims: (uri, done) => server.httpInviteClient.claim(uri, (error, address) => {
      if (error) return done(error)
      server.conn.remember(address, { key: load('ssb-ref').getKeyFromAddress(address) })
      server.conn.connect(address, (failed) => done(failed, true))
    }),
    publish: (content, done) => server.db.create({ content, keys }, (error, msg) => done(error, msg && { key: msg.key, sequence: msg.value.sequence })),
    publishPrivately: (content, recps, done) => server.db.create({ content, keys, recps, encryptionFormat: 'box' }, (error, msg) => done(error, msg && msg.key)),
    texts: (feed, done) => {
      const { where, author, toPromise } = load('ssb-db2/operators')
      server.db.query(where(author(feed)), toPromise()).then((messages) => done(null, messages), done)
    }
  },
  oasis: {
    plugins: [
      'ssb-db', 'ssb-master', 'ssb-private1', 'ssb-conn', 'ssb-friends', 'ssb-ebt', 'ssb-replication-scheduler', 'ssb-blobs',
      'ssb-invite-client'
    ],
    connections: { incoming: {}, outgoing: { net: [{ transform: 'shs' }] } },
    more: { friends: { hops: 3 }, conn: { autostart: true, hops: 3 } },
    joins: (invite, done) => server.invite.accept(invite, done),
    publish: (content, done) => server.publish(content, (error, msg) => done(error, msg && { key: msg.key, sequence: msg.value.sequence })),
    publishPrivately: (content, recps, done) => server.publish({ ...content, recps }, (error, msg) => done(error, msg && msg.key)),
    texts: (feed, done) => pull(server.createUserStream({ id: feed, private: true, meta: true }), pull.collect(done))
  }
}

// As apps had it before rooms 2: the tunnel of ssb-room itself, which knows neither metadata nor attendants.
SETS['room-1'] = {
  ...SETS.oasis,
  plugins: [...SETS.oasis.plugins, 'ssb-room/tunnel/client'],
  connections: {
    incoming: { tunnel: [{ scope: 'public', transform: 'shs' }] },
    outgoing: { net: [{ transform: 'shs' }], tunnel: [{ transform: 'shs' }] }
  }
}

const set = SETS[config.set]
const stack = load('secret-stack')({ caps })
for (const name of set.plugins) stack.use(loadAny(name))
const server = stack({ path: config.path, keys, connections: set.connections, ...set.more, replicationScheduler: { autostart: true }, timers: TIMERS })

/** A plugin of the set, or one that a plugin of the set brings along. */
function loadAny (name) {
  try {
    return load(name)
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error
    return loadOf('ssb-db2')(name)
  }
}

const CALLS = {
  id: (done) => done(null, server.id),
  join: (invite, done) => set.joins(invite, done),
  claim: (uri, done) => set.claims(uri, done),
  publish: (content, done) => set.publish(content, done),
  publishPrivately: (content, recps, done) => set.publishPrivately(content, recps, done),
  publishMany: (count, done) => {
    let left = count
    const next = (error) => {
      if (error || !left) return done(error)
      set.publish({ type: 'post', text: `${count - left--}` }, next)
    }
    next()
  },
  /** The texts of a feed's posts, in order; what cannot be read is null. */
  texts: (feed, done) => set.texts(feed, (error, messages) => {
    if (error) return done(error)
    const sorted = messages.map((message) => message.value || message).sort((one, other) => one.sequence - other.sequence)
    done(null, sorted.map(({ content }) => typeof content === 'string' ? null : content.text).filter((text) => text !== undefined))
  }),
  /** How one feed stands to another, as the app shows it. */
  relation: (source, dest, done) => server.friends.isFollowing({ source, dest }, (error, follows) => {
    if (error || follows) return done(error, 'follows')
    server.friends.isBlocking({ source, dest }, (failed, blocks) => done(failed, blocks ? 'blocks' : 'none'))
  }),
  /** How the exchange of one feed stands with each peer. */
  standing: (feed, done) => done(null, server.ebt.peerStatus(feed)),
  latest: (feed, done) => server.getFeedState(feed, (error, state) => done(error, state && state.sequence)),
  addBlob: (size, fill, done) => pull(pull.values(pieces(Buffer.alloc(size, fill))), server.blobs.add((error, hash) => {
    if (error) return done(error)
    server.blobs.push(hash, () => {})
    done(null, hash)
  })),
  wantBlob: (hash, done) => server.blobs.want(hash, done),
  registerAlias: (room, alias, done) => server.roomClient.registerAlias(room, alias, done),
  revokeAlias: (room, alias, done) => server.roomClient.revokeAlias(room, alias, done),
  consumeAlias: (uri, done) => server.roomClient.consumeAliasUri(uri, (error) => done(error, true)),
  signsInBy: (uri, done) => server.httpAuthClient.consumeSignInSsbUri(uri, done),
  signInUrl: (pub, done) => server.httpAuthClient.produceSignInWebUrl(pub, done),
  signsOut: (pub, done) => server.httpAuthClient.invalidateAllSessions(pub, done),
  blobDigest: (hash, done) => pull(server.blobs.get(hash), pull.collect((error, parts) => {
    done(error, parts && crypto.createHash('sha256').update(Buffer.concat(parts)).digest('base64'))
  })),
  // With the pub's key, as ssb-http-invite-client does: whom it does not know by key, ssb-conn never dials again.
  connect: (address, key, done) => server.conn.connect(address, { type: 'pub', key, autoconnect: true }, (error) => done(error, true)),
  remember: (address, key, done) => server.conn.remember(address, { type: 'pub', key, autoconnect: true }, (error) => done(error, true)),
  connected: (done) => done(null, [...server.conn.hub().entries()].filter(([, data]) => data.state === 'connected').map(([address]) => address)),
  /** Whom a room shows, as the app is offered them: their ids. */
  offered: (room, done) => done(null, [...server.conn.staging().entries()].map(([, data]) => data).filter((data) => data.room === room).map(({ key }) => key)),
  /** What the room answers to a call of its tunnels. */
  askRoom: (room, call, done) => {
    const [, { key }] = [...server.conn.hub().entries()].find(([, data]) => data.key === room)
    server.peers[key][0].tunnel[call]((error, value) => done(error, value))
  },
  history: (address, feed, done) => server.conn.connect(address, {}, (error, rpc) => {
    if (error) return done(error)
    pull(rpc.createHistoryStream({ id: feed, keys: false }), pull.collect((failed, values) => done(failed, values && values.length)))
  })
}

function pieces (bytes) {
  const parts = []
  for (let at = 0; at < bytes.length; at += 65536) parts.push(bytes.subarray(at, at + 65536))
  return parts
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, call, args } = JSON.parse(line)
  const done = (error, value) => {
    const answer = { id, error: error ? String(error.message || error) : null, value }
    process.stdout.write(JSON.stringify(answer) + '\n')
  }
  try {
    CALLS[call](...args, done)
  } catch (error) {
    done(error)
  }
}).on('close', () => process.exit(0))
