import Testing

/// Tests of the real processes. One fleet at a time: two would take each other's processor.
@Suite(.serialized) enum EndToEnd {}
