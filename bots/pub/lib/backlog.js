'use strict'

const { createRequire } = require('node:module')

const { replace } = require('./standins')
const { chatter } = require('./log')

const KB = 1024
/** What one connection may have waiting that its peer has not taken. Above the first, streams to the peer stop reading
 * their source; above the second, which answers to calls reach, so does what comes from the peer; at the last it ends. */
const PAUSE_STREAMS = 64 * KB
const PAUSE_PEER = 512 * KB
const HANG_UP = 4096 * KB
/** How many streams a connection may have open, and how many of these read at once. Each of the latter costs 64 KB in
 * LevelDB. One that found nothing new for `IDLE` ms does not count: it waits for news. */
const STREAMS = 1024
const READING = 16
const IDLE = 100
/** How many messages a stream reads ahead of the log, where it would be all of them, and how many bytes of an index. */
const READ_AHEAD = 2
const INDEX_AHEAD = 2 * KB
/** How many messages replication has ready for one peer, or is fetching for all. The others stay in the log. */
const READY = 64

/**
 * Keep what peers do not read in the log and on the disk, not in memory: ssb-server's streams read whatever there is and
 * queue it. To be called before secret-stack, ssb-ebt and any index are required.
 */
function boundBacklogs () {
  const muxrpc = createRequire(createRequire(require.resolve('secret-stack')).resolve('muxrpc'))
  replace(muxrpc.resolve('./pull-weird'), pacedStreams)
  const level = createRequire(createRequire(require.resolve('ssb-db')).resolve('flumeview-level'))
  replace(level.resolve('pull-paramap'), (map) => (work, width = READ_AHEAD, ...more) => map(work, width, ...more))
  readLess(createRequire(require.resolve('level'))('leveldown'))
  replace(createRequire(require.resolve('ssb-ebt')).resolve('epidemic-broadcast-trees'), pacedReplication)
}

function readLess ({ prototype }) {
  const { _iterator } = prototype
  prototype._iterator = function (options) {
    return _iterator.call(this, { ...options, highWaterMark: INDEX_AHEAD })
  }
}

/** The packets that one connection has waiting. */
class Backlog {
  constructor (packets) {
    this._packets = packets
    this._bytes = 0
    this._streams = []
    this._reading = 0
    this._next = []
    this._peer = null
    this._over = false
  }

  add (packet) {
    packet.bytes = weigh(packet.value)
    this._bytes += packet.bytes
    if (this._bytes >= HANG_UP) this._hangUp('A peer does not read what it asked for')
  }

  /** The peer sent one. */
  heard () {
    if (this._packets._instreams.size > STREAMS) this._hangUp(`A peer has more than ${STREAMS} streams open`)
  }

  _hangUp (why) {
    if (this._over) return
    this.end()
    chatter('warning', `${why}, and is hung up on.`)
    // Not now: whoever called this is in the middle of something.
    setImmediate(() => this._packets.destroy(new Error(why)))
  }

  /** The connection took one. */
  take (packet) {
    this._bytes -= packet.bytes ?? 0
  }

  /** Have those go on that have room now. */
  release () {
    while (this._bytes < PAUSE_STREAMS && this._streams.length) this._streams.shift()()
    if (this._bytes < PAUSE_PEER && this._peer) {
      const read = this._peer
      this._peer = null
      read()
    }
  }

  pauseStream (read) {
    if (this._bytes < PAUSE_STREAMS) read()
    else if (!this._over) this._streams.push(read)
  }

  /** Have a stream begin when fewer than so many read. */
  begin (read) {
    if (this._reading < READING) {
      this._reading++
      read()
    } else if (!this._over) {
      this._next.push(read)
    }
  }

  /** A stream that began has nothing to read for now, or ended. */
  rest () {
    this._reading--
    const read = this._next.shift()
    if (read) this.begin(read)
  }

  pausePeer (read) {
    if (this._bytes < PAUSE_PEER) read()
    else if (!this._over) this._peer = read
  }

  end () {
    this._over = true
    this._streams.length = 0
    this._next.length = 0
    this._peer = null
  }
}

/** One stream to the peer: `read` reads its source, when there is room. */
class PacedStream {
  constructor (backlog, read) {
    this._backlog = backlog
    this._source = read
    this._begun = false
    this._counts = false
    this._isOver = false
    this._timer = null
  }

  read (abort, done) {
    if (abort) {
      this._isOver = true
      this._rest()
      return this._source(abort, done)
    }
    this._backlog.pauseStream(() => {
      if (this._begun) return this._pull(done)
      this._begun = true
      this._backlog.begin(() => {
        this._counts = true
        this._pull(done)
      })
    })
  }

  _pull (done) {
    if (this._isOver) return this._rest()
    if (this._counts) this._timer = setTimeout(() => this._rest(), IDLE)
    this._source(null, (end, data) => {
      clearTimeout(this._timer)
      if (end) this._rest()
      done(end, data)
    })
  }

  _rest () {
    clearTimeout(this._timer)
    if (!this._counts) return
    this._counts = false
    this._backlog.rest()
  }
}

/** About how many bytes a value takes as JSON; to make its text only for this would cost as much as sending it. */
function weigh (value) {
  if (typeof value === 'string' || Buffer.isBuffer(value)) return value.length
  if (typeof value !== 'object' || value === null) return 8
  let sum = 2
  for (const name in value) sum += name.length + 4 + weigh(value[name])
  return sum
}

/** muxrpc's adapters between its packets and pull-streams: of a whole connection, and of the streams in it. */
function pacedStreams (weird) {
  const backlogs = new WeakMap()

  const paced = (stream, sink) => {
    const backlog = backlogs.get(stream._ps)
    if (!backlog) return sink
    return (source) => {
      const stream = new PacedStream(backlog, source)
      sink((abort, done) => stream.read(abort, done))
    }
  }

  const connection = (packets, done) => {
    const backlog = new Backlog(packets)
    backlogs.set(packets, backlog)
    const { source, sink } = weird(packets, done)
    const queue = packets.read
    packets.read = (packet, end) => {
      if (packet) backlog.add(packet)
      queue.call(packets, packet, end)
    }
    return {
      source: (abort, give) => source(abort, (end, packet) => {
        if (packet) backlog.take(packet)
        if (end) backlog.end()
        give(end, packet)
        backlog.release()
      }),
      sink: (read) => sink((abort, give) => {
        backlog.heard()
        if (!abort) return backlog.pausePeer(() => read(null, give))
        backlog.end()
        read(abort, give)
      })
    }
  }

  const duplex = (stream, done) => {
    const { source, sink } = weird.duplex(stream, done)
    return { source, sink: paced(stream, sink) }
  }
  return Object.assign(connection, {
    source: weird.source,
    sink: (stream, done) => paced(stream, weird.sink(stream, done)),
    duplex
  })
}

/** Have replication fetch messages for a peer as it takes them, where it would have all ready at once. */
function pacedReplication (create) {
  return (options) => {
    let fetching = 0
    let isDue = false
    const ebt = create({
      ...options,
      getAt: (at, done) => {
        fetching++
        options.getAt(at, (...found) => {
          fetching--
          done(...found)
          // Of a message that is there, the feed goes on by itself.
          if (!found[1]) soon()
        })
      }
    })
    const { createStream, onAppend, update } = ebt

    const soon = () => {
      if (isDue) return
      isDue = true
      setImmediate(() => {
        isDue = false
        ebt.update()
      })
    }
    const waits = (peer) => peer.retrive.length > 0 && peer.msgs.length < READY

    ebt.update = function () {
      const later = []
      let room = READY - fetching
      for (const peer of Object.values(ebt.state.peers)) {
        const now = Math.max(0, Math.min(room, READY - peer.msgs.length))
        room -= Math.min(now, peer.retrive.length)
        later.push([peer, peer.retrive.splice(now)])
      }
      update.call(this)
      for (const [peer, feeds] of later) peer.retrive.push(...feeds)
    }
    ebt.onAppend = function (message) {
      const full = []
      for (const peer of Object.values(ebt.state.peers)) {
        const feed = peer.replicating?.[message.author]
        if (!feed?.tx || feed.sent !== message.sequence - 1 || peer.msgs.length < READY) continue
        full.push([peer, feed, feed.sent])
        feed.sent = null
      }
      onAppend.call(this, message)
      for (const [peer, feed, sent] of full) {
        feed.sent = sent
        if (!peer.retrive.includes(message.author)) peer.retrive.push(message.author)
      }
    }
    ebt.createStream = function (id, ...more) {
      const stream = createStream.call(this, id, ...more)
      const { resume } = stream
      stream.resume = function () {
        resume.call(this)
        const peer = ebt.state.peers[id]
        if (peer && waits(peer) && fetching < READY) soon()
      }
      return stream
    }
    return ebt
  }
}

module.exports = { boundBacklogs }
