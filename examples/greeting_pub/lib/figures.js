'use strict'

const DEFAULT = 10
const LEAST = 1
const MOST = 3600
const SOON = 250

/** What the pub is doing, kept as it happens: a sample only reads numbers. */
class Figures {
  constructor (server, { config, door, sequence }) {
    this._server = server
    this._launch = config.launch
    this._masters = new Set([server.id, ...config.master])
    this._door = door
    this._sequence = sequence
    this._startedAt = new Date(Date.now() - process.uptime() * 1000).toISOString()
    this._peers = { in: 0, out: 0 }
    this._listeners = new Set()
    this._messages = 0
    this._feeds = 0
    server.on('rpc:connect', (rpc, isDialled) => this._met(rpc, isDialled ? 'out' : 'in'))
  }

  /** Take up the log's count: `clock` is the latest sequence of each feed in it. */
  begin (clock) {
    const sequences = Object.values(clock)
    this._feeds = sequences.length
    this._messages = sequences.reduce((sum, sequence) => sum + sequence, 0)
    this._server.post(({ value }) => {
      this._messages++
      if (value.sequence === 1) this._feeds++
      if (value.author === this._server.id) for (const hear of this._listeners) hear()
    })
  }

  sample () {
    const traffic = this._door.traffic()
    const { current, target } = this._server.progress().indexes
    return {
      launch: this._launch,
      id: this._server.id,
      startedAt: this._startedAt,
      uptime: process.uptime(),
      memory: process.memoryUsage.rss(),
      bytesIn: traffic.in,
      bytesOut: traffic.out,
      peers: { ...this._peers },
      // Not counted: null says so.
      disk: null,
      sequence: this._sequence.latest,
      catchingUp: false,
      messages: this._messages,
      feeds: this._feeds,
      indexing: { current, target }
    }
  }

  /**
   * A pull-stream source: one sample at once, then one every so many seconds, and one soon after the pub said something:
   * how far its feed has come is to be remembered elsewhere before the pub and its folder can be lost.
   */
  stream ({ every = DEFAULT } = {}) {
    const pause = 1000 * Math.min(MOST, Math.max(LEAST, Number(every) || DEFAULT))
    let due = Date.now()
    let told = 0
    let timer = null
    let waiting = null
    const tell = () => {
      const done = waiting
      waiting = null
      told = Date.now()
      // After a sleep or a long halt the beat goes on from now: nobody wants the samples that were missed.
      due = Math.max(due + pause, told)
      done(null, this.sample())
    }
    const wait = () => {
      clearTimeout(timer)
      timer = setTimeout(tell, due - Date.now())
    }
    const hear = () => {
      due = Math.min(due, told + SOON)
      if (waiting) wait()
    }
    this._listeners.add(hear)
    return (abort, done) => {
      if (abort) {
        clearTimeout(timer)
        this._listeners.delete(hear)
        waiting?.(abort)
        return done(abort)
      }
      waiting = done
      wait()
    }
  }

  /** Those who look after the pub are not its peers. */
  _met (rpc, way) {
    if (this._masters.has(rpc.id)) return
    this._peers[way]++
    rpc.once('closed', () => this._peers[way]--)
  }
}

module.exports = { Figures }
