'use strict'

// A client that is not ours, on ssb-server's packages. Usage: node client.js RELEASE, then one JSON request a
// line on stdin: {id, address, keys, caps, call, args, count?}; one answer a line on stdout: {id, error, value}.

const { createRequire } = require('node:module')
const path = require('node:path')
const readline = require('node:readline')

const from = createRequire(path.join(process.argv[2], 'package.json'))
const ssbKeys = from('ssb-keys')
const validate = from('ssb-validate')
const connect = createRequire(from.resolve('ssb-invite'))('ssb-client/client')

const MANIFEST = {
  whoami: 'sync',
  publish: 'async',
  add: 'async',
  status: 'sync',
  getLatest: 'async',
  manifest: 'sync',
  createHistoryStream: 'source',
  links: 'source',
  createLogStream: 'source',
  createUserStream: 'source',
  invite: { create: 'async', use: 'async', accept: 'async' },
  gossip: { connect: 'async', disconnect: 'async', peers: 'sync' },
  friends: { hops: 'async', isFollowing: 'async' },
  blobs: { has: 'async' },
  butt: { limit: 'async', challenge: 'async', solution: 'async', requestSolution: 'async', signOuts: 'source', room: 'async', alias: 'async', figures: 'source', guests: 'source', invites: 'async', offer: 'async', revoke: 'async', describe: 'async', announce: 'async', caughtUp: 'async' }
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

const feeds = new Map()

/** Have an author write, as anybody can who has a key, whatever a valid message may hold; the author's last sequence. */
function write ({ author, contents, readers, ...where }, done) {
  const feed = feeds.get(author.id) ?? validate.initial()
  feeds.set(author.id, feed)
  const from = feed.queue.length
  for (const [text, isPrivate] of contents) {
    const content = JSON.parse(text)
    const said = isPrivate ? ssbKeys.box(content, readers) : content
    try {
      validate.appendNew(feed, null, author, said, Date.now() + feed.queue.length)
    } catch {}
  }
  reach(where, (error, rpc) => {
    if (error) return done(error)
    const messages = feed.queue.slice(from)
    let left = messages.length
    if (!left) return done(null, from)
    for (const { value } of messages) {
      rpc.add(value, (error) => {
        if (error) return done(error)
        if (--left === 0) done(null, feed.queue.length)
      })
    }
  })
}

const local = {
  write,
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
