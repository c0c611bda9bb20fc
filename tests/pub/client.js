'use strict'

// A client that is not ours, on the pub's own dependencies. Usage: node client.js RELEASE, then one JSON request a
// line on stdin: {id, address, keys, caps, call, args, count?}; one answer a line on stdout: {id, error, value}.

const { createRequire } = require('node:module')
const path = require('node:path')
const readline = require('node:readline')

const from = createRequire(path.join(process.argv[2], 'package.json'))
const ssbKeys = from('ssb-keys')
const connect = createRequire(from.resolve('ssb-invite'))('ssb-client/client')

const MANIFEST = {
  whoami: 'sync',
  publish: 'async',
  getLatest: 'async',
  manifest: 'sync',
  createHistoryStream: 'source',
  createLogStream: 'source',
  createUserStream: 'source',
  invite: { create: 'async', use: 'async', accept: 'async' },
  gossip: { connect: 'async', peers: 'sync' },
  friends: { hops: 'async', isFollowing: 'async' },
  butt: { figures: 'source', guests: 'source', invites: 'async', offer: 'async', revoke: 'async', describe: 'async', caughtUp: 'async' }
}

const open = new Map()

function reach ({ address, keys, caps }, done) {
  const name = `${keys.id} ${address}`
  const kept = open.get(name)
  if (kept && !kept.closed) return done(null, kept)
  connect({ keys, remote: address, caps, manifest: MANIFEST, config: { keys, caps, timers: {} } }, (error, rpc) => {
    if (error) return done(error)
    open.set(name, rpc)
    rpc.once('closed', () => open.delete(name))
    done(null, rpc)
  })
}

function collect (source, count, done) {
  const items = []
  source(null, function next (end, item) {
    if (end) return done(end === true ? null : end, items)
    items.push(item)
    if (items.length < count) source(null, next)
    else source(true, () => done(null, items))
  })
}

const local = {
  generate: (request, done) => done(null, ssbKeys.generate('ed25519', request.seed && Buffer.from(request.seed, 'base64'))),
  open: (request, done) => done(null, open.size),
  close: (request, done) => {
    for (const rpc of open.values()) rpc.close(true)
    done(null, true)
  }
}

function serve (request, done) {
  if (local[request.call]) return local[request.call](request, done)
  reach(request, (error, rpc) => {
    if (error) return done(error)
    const method = request.call.split('.').reduce((part, name) => part[name], rpc)
    if (request.count) collect(method(...request.args), request.count, done)
    else method(...request.args, done)
  })
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const request = JSON.parse(line)
  serve(request, (error, value) => {
    const answer = { id: request.id, error: error ? String(error.message || error) : null, value }
    process.stdout.write(JSON.stringify(answer) + '\n')
  })
}).on('close', () => process.exit(0))
