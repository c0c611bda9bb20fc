'use strict'

const level = require('level')

const ID = /^@[A-Za-z0-9+/]{43}=\.ed25519$/
const MOST_USES = 1000
const LONGEST_NOTE = 100
const PERMISSIONS = { allow: ['invite.use', 'getAddress'], deny: null }

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

/** The invites in a store: making one known, listing, taking one back. One that has expired is none any more. */
class Invites {
  constructor (store) {
    this._store = store
    this._turn = Promise.resolve()
  }

  /** `[{id, note, uses, used, left, expires?}]`; with `all` also those that are used up or have expired. */
  async list ({ all = false } = {}) {
    const found = []
    for await (const invite of values(this._store)) {
      const { id, note = null, total, used, expires } = invite
      const left = isOver(invite) ? 0 : Math.max(0, total - used)
      if (all || left) found.push({ id, note, uses: total, used, left, ...(expires && { expires }) })
    }
    return found
  }

  /**
   * Let in whoever has the key `id`, so many times, until `expires` (milliseconds since 1970, or null). Whoever asks
   * made the key, so to ask again changes nothing: false says it was known already. `used` is how often it was used
   * while another program kept the invites of this pub.
   */
  offer ({ id, uses, note, expires = null, used = 0 } = {}) {
    const isRight = ID.test(id) && isCount(uses) && uses > 0 && uses <= MOST_USES &&
      typeof note === 'string' && note.length <= LONGEST_NOTE && (expires === null || isCount(expires)) && isCount(used)
    if (!isRight) return Promise.reject(new Error('an invite has an id, uses from 1 to 1000, a note, and expires or null'))
    return this._inTurn(async () => {
      if (await this._find(id)) return false
      const invite = { id, total: uses, note, used, permissions: PERMISSIONS }
      await this._store.put(id, expires === null ? invite : { ...invite, expires })
      return true
    })
  }

  /** Whether there was such an invite. Somebody who holds the code, even connected with it, can do nothing from now on. */
  revoke (id) {
    return this._inTurn(async () => {
      if (!await this._find(id)) return false
      await this._store.del(id, { sync: true })
      return true
    })
  }

  /**
   * Let uses and revocations happen one after the other: ssb-invite reads, counts and writes with pauses in between,
   * so a use could bring a revoked invite back, or two could count as one. One that has expired opens no door, also to
   * who came in with it before.
   */
  guard (server) {
    const inTurn = (work) => this._inTurn(work)
    const hasExpired = async (id) => isOver(await this._find(id))
    server.auth.hook(function (auth, args) {
      const [id, done] = args
      hasExpired(id).then((over) => over ? done() : auth.apply(this, args), done)
    })
    server.invite.use.hook(function (use, args) {
      const done = args.pop()
      inTurn(async () => {
        // ssb-invite would follow any text, and the invite would be spent on nobody.
        if (!ID.test(args[0]?.feed)) return done(new Error('feed to follow is not a feed id'))
        if (await hasExpired(this.id)) return done(new Error('invite has expired'))
        return new Promise((resolve) => {
          use.call(this, args[0], (...answer) => {
            resolve()
            done(...answer)
          })
        })
      }).catch(done)
    })
    server.invite.create.hook(function (create, args) {
      // It would throw where nobody catches: the pub offers no WebSocket address.
      if (args[0]?.modern) return args.at(-1)(new Error('this pub makes no invites of the kind "modern"'))
      create.apply(this, args)
    })
  }

  async _find (id) {
    try {
      return await this._store.get(id)
    } catch (error) {
      if (error.notFound) return null
      throw error
    }
  }

  _inTurn (work) {
    const result = this._turn.then(work)
    this._turn = result.catch(() => {})
    return result
  }
}

/** Take invites back before anybody can come in by them: those revoked while the pub was down. */
async function forget (store, ids) {
  if (ids.length) await store.batch(ids.map((key) => ({ type: 'del', key })), { sync: true })
}

function isOver (invite) {
  return Boolean(invite?.expires && invite.expires <= Date.now())
}

function isCount (value) {
  return Number.isSafeInteger(value) && value >= 0
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

module.exports = { inviteOn, Invites, forget }
