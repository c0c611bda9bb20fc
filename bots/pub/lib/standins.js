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

module.exports = { standIn }
