// One import is enough for an app.
@_exported import CaseplanCore
@_exported import CaseplanTypes
