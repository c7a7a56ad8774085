import Clinic
import Logging
import Mail
import ServiceLifecycle

/// Rung when there may be something to deliver. Rings that nobody has heard yet are one.
struct Bell: Sendable {
    let rings: AsyncStream<Void>
    private let clapper: AsyncStream<Void>.Continuation

    init() {
        (rings, clapper) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    @Sendable func ring() { clapper.yield() }
}

/// Has the courier deliver what was committed here at once, and look now and then for what others
/// committed and for what is to be tried again.
struct Deliveries: Service {
    let courier: Courier
    let bell: Bell
    let logger: Logger
    /// A message that another process committed waits no longer than this.
    private let interval = Duration.milliseconds(500)
    /// What a message that is under way may still take when the service is to stop.
    private let farewell = Duration.seconds(10)

    init(courier: Courier, bell: Bell, logger: Logger) {
        self.courier = courier
        self.bell = bell
        self.logger = logger
    }

    func run() async throws {
        await withTaskGroup { group in
            group.addTask { await deliver() }
            group.addTask {
                // Ends deliveries that take too long then.
                try? await gracefulShutdown()
                try? await Task.sleep(for: farewell)
            }
            await withTaskGroup { ticks in
                ticks.addTask {
                    repeat { bell.ring() } while (try? await Task.sleep(for: interval)) != nil
                }
                await group.next()
                ticks.cancelAll()
            }
            group.cancelAll()
        }
    }

    private func deliver() async {
        var troubles = 0
        for await _ in bell.rings.cancelOnGracefulShutdown() {
            do {
                let ending = try await courier.deliverDue { !Task.isShuttingDownGracefully }
                troubles = ending == .serverAway ? troubles + 1 : 0
            } catch is CancellationError {
                return
            } catch {
                logger.warning("deliveries were put off", metadata: ["cause": "\(error)"])
                troubles += 1
            }
            await rest(after: troubles)
        }
    }

    /// Leaves a server alone that is in trouble: for about a second, then longer, up to half a minute.
    private func rest(after troubles: Int) async {
        guard troubles > 0 else { return }
        let longest = Duration.seconds(min(30, 1 << min(troubles - 1, 5)))
        let pause = longest * Double.random(in: 0.5...1)
        try? await cancelWhenGracefulShutdown { try await Task.sleep(for: pause) }
    }
}

/// Delivers nothing, and logs what would be sent: for development without a mail server.
struct LoggedMail: MailTransport {
    let logger: Logger
    let timeout = Duration.zero

    func send(_ message: MailMessage) async {
        logger.info(
            "would be sent, if HOLDFAST_SMTP_URL named a mail server",
            metadata: [
                "to": "\(message.recipient.address)", "subject": "\(message.subject)",
                "message_id": "\(message.id)",
            ])
    }

    func hangUp() async {}
}
