'use strict'

const { Module } = require('node:module')

/** Have whoever requires the module at `path` from now on be given `exports` instead. The module that stands in for it. */
function standIn (path, exports) {
  const module = new Module(path)
  module.exports = exports
  module.loaded = true
  require.cache[path] = module
  return module
}

/** Have whoever requires the module at `path` from now on be given what `change` makes of its exports. */
function replace (path, change) {
  const exports = require(path)
  require.cache[path].exports = change(exports)
}

module.exports = { replace, standIn }
