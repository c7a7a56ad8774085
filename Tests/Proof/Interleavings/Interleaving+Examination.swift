extension Interleaving {
    /// The scene, up to the first order in which something is wrong.
    package var examination: Examination {
        Examination(title: title) { sabotage in
            try await play(tampering: sabotage.tampering, stopsAtViolation: true) {
                try await sabotage.apply(to: $0)
            }.violations
        }
    }
}
