'use strict'

const { createRequire } = require('node:module')

const { standIn } = require('./standins')

/**
 * What ssb-server's parts load at once and an idle pub never calls: who would load it, and what. The first alone is a
 * tenth of an idle pub's memory: it brings WebSockets, Tor and TLS along, for the day the pub takes another pub's invite.
 */
const SELDOM = [
  ['ssb-invite', 'ssb-client/client'],
  ['multiblob', 'blake2s'],
  ['ssb-db', 'rimraf']
]

/** Have these modules loaded when they are first used. Whoever requires them until then is given a stand-in. */
function loadLater () {
  for (const [user, name] of SELDOM) {
    const path = createRequire(require.resolve(user)).resolve(name)
    const unused = standIn(path, asUsed(() => {
      if (require.cache[path] === unused) delete require.cache[path]
      return require(path)
    }))
  }
}

/** A function that becomes what `load` gives, whichever way it is used. */
function asUsed (load) {
  return new Proxy(function () {}, {
    apply: (_, self, values) => Reflect.apply(load(), self, values),
    construct: (_, values) => Reflect.construct(load(), values),
    get: (_, name) => load()[name]
  })
}

module.exports = { loadLater }
