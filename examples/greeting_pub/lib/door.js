'use strict'

const net = require('node:net')

const Net = require('multiserver/plugins/net')
const toPull = require('stream-to-pull-stream')

const { Refusal } = require('./exits')
const { isFenced, fencedLookup } = require('./fence')
const { chatter } = require('./log')

/**
 * Every TCP connection of the pub, in and out, goes through here and is counted.
 *
 * The port is bound first of all, so that a port that is taken ends the pub before its feed can say anything. But
 * until `open` nobody gets in and nothing goes out.
 */
class Door {
  constructor ({ fence }) {
    this._fence = fence
    this._open = false
    this._enter = null
    this._sockets = new Set()
    this._past = { in: 0, out: 0 }
    // Without noDelay a call takes 40 ms; keepAlive finds peers that vanished without a goodbye.
    const options = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 60000 }
    this._server = net.createServer(options, (socket) => this._arrive(socket))
  }

  bind ({ host, port }) {
    return new Promise((resolve, reject) => {
      this._server.once('error', (error) => reject(refusal(error, host, port)))
      this._server.listen({ host, port, exclusive: true }, () => {
        this._server.removeAllListeners('error')
        this._server.on('error', (error) => chatter('warning', `Cannot accept a connection: ${error.message}`))
        resolve()
      })
    })
  }

  open () {
    this._open = true
  }

  close () {
    this._open = false
    this._server.close()
  }

  /** Bytes over TCP since the start, in and out. */
  traffic () {
    const total = { ...this._past }
    for (const socket of this._sockets) {
      total.in += socket.bytesRead
      total.out += socket.bytesWritten
    }
    return total
  }

  /** A secret-stack plugin in the place of its own TCP transport. */
  plugin () {
    const create = (options) => ({
      ...Net(options),
      server: (enter, started) => {
        this._enter = enter
        started?.()
        return (done) => {
          this.close()
          done?.()
        }
      },
      client: (address, done) => this._dial(address, done)
    })
    return {
      name: 'multiserver-net',
      version: '1.0.0',
      init: (server) => server.multiserver.transport({ name: 'net', create })
    }
  }

  _arrive (socket) {
    if (!this._open || !this._enter) return socket.destroy()
    this._count(socket)
    this._enter(duplex(socket))
  }

  _dial ({ host, port }, done) {
    if (!this._open) return done(new Error('the pub does not dial now'))
    if (this._fence && net.isIP(host) && isFenced(host)) {
      return done(new Error(`${host} is not an address on the public internet`))
    }
    if (!(port > 0 && port < 65536)) return done(new Error(`${port} is no port`))
    const lookup = this._fence ? { lookup: fencedLookup } : {}
    let called = false
    const answer = (error, stream) => {
      if (called) return
      called = true
      done(error, stream)
    }
    const socket = net.connect({ host, port, noDelay: true, keepAlive: true, ...lookup })
    this._count(socket)
    socket.on('connect', () => answer(null, duplex(socket)))
    socket.on('error', answer)
    return () => {
      socket.destroy()
      answer(new Error('aborted'))
    }
  }

  _count (socket) {
    this._sockets.add(socket)
    socket.once('close', () => {
      this._sockets.delete(socket)
      this._past.in += socket.bytesRead
      this._past.out += socket.bytesWritten
    })
  }
}

function duplex (socket) {
  const stream = toPull.duplex(socket)
  stream.address = `net:${socket.remoteAddress}:${socket.remotePort}`
  return stream
}

function refusal (error, host, port) {
  if (error.code === 'EADDRINUSE') {
    return new Refusal('port-taken', `Port ${port} of ${host} is taken by another program. Free it or choose another.`)
  }
  if (error.code === 'EACCES') {
    return new Refusal('port-taken', `Port ${port} of ${host} is kept for programs with more rights. Choose another.`)
  }
  return new Refusal('host-not-assignable', `This machine has no address ${host} to listen on (${error.code}).`)
}

module.exports = { Door }
