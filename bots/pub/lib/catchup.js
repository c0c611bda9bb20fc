'use strict'

const path = require('node:path')

const ssbKeys = require('ssb-keys')
const validate = require('ssb-validate')

const { Refusal } = require('./exits')
const { readIfThere, writeDurably } = require('./files')
const { end, log } = require('./log')

const QUIET = 10000
const PATIENCE = 20000
const BEAT = 500
const MOST_PEERS = 100

/**
 * A pub that came from elsewhere may lack messages of its own feed: to publish would use their numbers a second time.
 * So it says nothing until peers who have its feed had nothing newer for `QUIET` ms, or a person says there is nothing.
 * That is kept in the file `caught-up`.
 */
class CatchUp {
  constructor ({ path: folder, catchUp, master }) {
    this._file = path.join(folder, 'caught-up')
    this._wanted = catchUp
    this._masters = new Set(master)
    this._peers = new Set()
    this._round = null
    this._due = 0
    this._quietSince = null
    this._known = 0
    this._seen = 0
    this.active = false
  }

  async read () {
    this.active = this._wanted && await readIfThere(this._file) === null
  }

  /** Hold back whatever would publish. */
  guard (server) {
    if (!this.active) return
    this._server = server
    const isActive = () => this.active
    const refuse = function (call, args) {
      if (isActive()) return args.at(-1)(new Error('the pub catches up with its own messages; until then it says nothing'))
      return call.apply(this, args)
    }
    server.publish.hook(refuse)
    // It would count the use before it publishes.
    server.invite.use.hook(refuse)
    server.on('rpc:connect', (rpc) => this._meet(rpc))
  }

  /** Ask peers, until all is there that they and `known` tell of. */
  begin (known, found) {
    if (!this.active) return
    this._known = known
    this._seen = found
    log('info', 'catching-up', 'The pub fetches its own messages from its peers; until then it says nothing.')
    this._timer = setInterval(() => this._beat(), BEAT)
    this._timer.unref()
  }

  /** A person says that there are no newer messages. Rejects where the pub knows better. */
  async told () {
    if (!this.active) return true
    const round = await (this._round ?? this._ask())
    const { sequence } = await this._latest()
    if (sequence < this._known) {
      throw new Error(`the feed is known to have reached message ${this._known}, and here it ends at ${sequence}`)
    }
    if (round.news) throw new Error('newer messages are just coming in')
    await this._finish(sequence)
    return true
  }

  _meet (rpc) {
    if (rpc.id === this._server.id || this._masters.has(rpc.id) || this._peers.size >= MOST_PEERS) return
    this._peers.add(rpc)
    rpc.once('closed', () => this._peers.delete(rpc))
    this._due = 0
  }

  _beat () {
    if (!this.active || this._round || Date.now() < this._due || !this._peers.size) return
    this._ask().then((round) => this._weigh(round)).catch(end)
  }

  async _weigh ({ answered, news }) {
    this._due = Date.now() + (news ? 0 : QUIET / 5)
    if (news || !answered) {
      this._quietSince = null
      return
    }
    this._quietSince ??= Date.now()
    const { sequence } = await this._latest()
    if (this.active && Date.now() - this._quietSince >= QUIET && sequence >= this._known) await this._finish(sequence)
  }

  async _finish (sequence) {
    await writeDurably(this._file, `${sequence}\n`)
    this.active = false
    clearInterval(this._timer)
    log('info', 'caught-up', `The pub has its own messages up to ${sequence}, and may publish.`)
  }

  /** One round among the peers: whether any of them has the feed as far as we have it, and whether there was news. */
  _ask () {
    this._round = Promise.all([...this._peers].map((rpc) => this._askOne(rpc).catch(pass)))
      .then(async (answers) => {
        const { sequence } = await this._latest()
        // Also what replication brought since the round before.
        const news = sequence > this._seen
        this._seen = sequence
        return { answered: answers.some(Boolean), news }
      })
      .finally(() => { this._round = null })
    return this._round
  }

  /** Ask from our last message, not after it: who sends that one has our feed, and a fork shows. */
  async _askOne (rpc) {
    if (typeof rpc.createHistoryStream !== 'function') return false
    const { id } = this._server
    const { sequence } = await this._latest()
    const source = rpc.createHistoryStream({ id, seq: Math.max(1, sequence), live: false, keys: false })
    let last = 0
    for await (const value of bounded(source)) {
      if (value?.author !== id || !(value.sequence > last) || !this._isSigned(value)) return false
      last = value.sequence
      await this._take(value)
    }
    return last > 0
  }

  async _take (value) {
    const { id: key, sequence } = await this._latest()
    const isOther = value.sequence === sequence && validate.id(value) !== key
    const isApart = sequence > 0 && value.sequence === sequence + 1 && value.previous !== key
    if (isOther || isApart) throw end(forked(isOther ? sequence : value.sequence - 1))
    // Replication may have been quicker.
    if (value.sequence === sequence + 1) await call(this._server.add, value).catch(pass)
  }

  _isSigned (value) {
    try {
      return ssbKeys.verifyObj({ public: this._server.id.slice(1) }, null, value)
    } catch {
      return false
    }
  }

  async _latest () {
    const { id, sequence } = await call(this._server.getFeedState, this._server.id)
    return { id, sequence: sequence ?? 0 }
  }
}

function forked (sequence) {
  return new Refusal(
    'feed-forked',
    `A peer has another message ${sequence} of the pub's own feed, signed with its key: the identity ran in two places, ` +
    'and the feed is forked. To go on would not mend it; begin a new one.'
  )
}

/** The items of a pull-stream; it is given up when none comes for `PATIENCE` ms. */
async function * bounded (source) {
  let over = false
  try {
    for (;;) {
      const item = await within(new Promise((resolve, reject) => {
        source(null, (finish, value) => finish && finish !== true ? reject(finish) : resolve({ finish, value }))
      }))
      if (item.finish) {
        over = true
        return
      }
      yield item.value
    }
  } finally {
    if (!over) source(true, pass)
  }
}

function within (promise) {
  let timer
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error('no answer')), PATIENCE)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

function call (method, ...args) {
  return new Promise((resolve, reject) => {
    method(...args, (error, value) => error ? reject(error) : resolve(value))
  })
}

function pass () {}

module.exports = { CatchUp }
