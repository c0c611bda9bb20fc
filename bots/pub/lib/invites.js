'use strict'

const level = require('level')

/**
 * ssb-invite on the store that is open already. It opens one by itself and keeps it from others, but LevelDB allows
 * a folder one handle only; so while it is loaded, `level` answers with ours for that folder.
 */
function inviteOn (store, folder) {
  const loaded = require.cache[require.resolve('level')]
  loaded.exports = (location, options) => location === folder ? store : level(location, options)
  try {
    return require('ssb-invite')
  } finally {
    loaded.exports = level
  }
}

/** The invites in a store: those that can still be used, and taking one back. */
class Invites {
  constructor (store) {
    this._store = store
    this._turn = Promise.resolve()
  }

  /** `[{id, note, uses, used, left}]`; with `all` also those that are used up. */
  async list ({ all = false } = {}) {
    const found = []
    for await (const { id, note = null, total, used } of values(this._store)) {
      const left = Math.max(0, total - used)
      if (all || left) found.push({ id, note, uses: total, used, left })
    }
    return found
  }

  /** Whether there was such an invite. Somebody who holds the code, even connected with it, can do nothing from now on. */
  revoke (id) {
    return this._inTurn(async () => {
      try {
        await this._store.get(id)
      } catch (error) {
        if (error.notFound) return false
        throw error
      }
      await this._store.del(id, { sync: true })
      return true
    })
  }

  /**
   * Let uses and revocations happen one after the other: ssb-invite reads, counts and writes with pauses in between,
   * so a use could bring a revoked invite back, or two could count as one.
   */
  guard (server) {
    const inTurn = (work) => this._inTurn(work)
    server.invite.use.hook(function (use, args) {
      const done = args.pop()
      inTurn(() => new Promise((resolve) => {
        use.call(this, ...args, (...answer) => {
          resolve()
          done(...answer)
        })
      }))
    })
    server.invite.create.hook(function (create, args) {
      // It would throw where nobody catches: the pub offers no WebSocket address.
      if (args[0]?.modern) return args.at(-1)(new Error('this pub makes no invites of the kind "modern"'))
      create.apply(this, args)
    })
  }

  _inTurn (work) {
    const result = this._turn.then(work)
    this._turn = result.catch(() => {})
    return result
  }
}

function values (store) {
  const iterator = store.iterator({ keys: false })
  const next = () => new Promise((resolve, reject) => {
    iterator.next((error, _, value) => error ? reject(error) : resolve(value))
  })
  const end = () => new Promise((resolve) => iterator.end(resolve))
  return {
    async * [Symbol.asyncIterator] () {
      try {
        for (let value = await next(); value !== undefined; value = await next()) yield value
      } finally {
        await end()
      }
    }
  }
}

module.exports = { inviteOn, Invites }
