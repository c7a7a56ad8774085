import AsyncHTTPClient
import Foundation
import HTTPFront
import NIOCore
import NIOFoundationEssentialsCompat
import NIOHTTP1
import ServiceTesting

/// Somebody who wants one thing after another, and goes from one instance to the other when it gets no answer.
struct FaultClient: Sendable {
    let scene: FaultScene
    let crowd: Crowd
    let http: HTTPClient
    let ports: [Int]
    /// Which instance it asks first.
    let home: Int
    /// Which one it asks now.
    private var place: Int
    var dice: Dice

    init(
        scene: FaultScene, crowd: Crowd, http: HTTPClient, ports: [Int], home: Int, dice: Dice
    ) {
        self.scene = scene
        self.crowd = crowd
        self.http = http
        self.ports = ports
        self.home = home
        self.dice = dice
        place = home
    }

    /// Goes on until the crowd goes home.
    mutating func run() async {
        while !crowd.isGoing && !Task.isCancelled {
            switch Int.random(in: 0..<1000, using: &dice) {
            case ..<400: await attempt(.book(slot: slot(), patient: patient()))
            case ..<580: await cancel()
            case ..<640: await move()
            case ..<700: await attempt(.hold(slot: slot(), patient: patient()))
            case ..<730: await attempt(.release(slot: slot()))
            case ..<930: await attempt(.read(slot: slot()))
            case ..<970: await edit()
            case ..<985: await register()
            default: await attempt(.join(slot: slot(), patient: patient()))
            }
        }
    }

    /// Half of the time one of the two slots that everybody wants now.
    private mutating func slot() -> Int {
        let isWanted = Bool.random(using: &dice)
        let hour = Int(Date().timeIntervalSince1970 / 20) * 2
        return (isWanted ? hour + Int.random(in: 0...1, using: &dice) : Int(dice.next() >> 1))
            % scene.slots.count
    }

    private mutating func patient() -> Int { Int.random(in: scene.patients.indices, using: &dice) }

    private mutating func cancel() async {
        let place = Int(dice.next() >> 1)
        guard let (id, slot) = crowd.appointment(place, isKept: place % 10 == 0) else { return }
        await attempt(.cancel(id, slot: slot))
    }

    private mutating func move() async {
        guard let (id, _) = crowd.appointment(Int(dice.next() >> 1), isKept: true) else { return }
        await attempt(.move(id, to: slot()))
    }

    private mutating func edit() async {
        let slot = slot()
        guard case .done(let seen) = await attempt(.read(slot: slot)), let version = seen.version
        else { return }
        if Int.random(in: 0..<500, using: &dice) == 0 {
            await attempt(.delete(slot: slot, version: version))
        } else {
            let isBlocked = if case .word("busy-unavailable") = seen.status { true } else { false }
            // What is blocked is of no use to anybody else, so that is not to last.
            guard isBlocked || Int.random(in: 0..<3, using: &dice) == 0 else { return }
            await attempt(.block(slot: slot, !isBlocked, version: version))
        }
    }

    /// Somebody registers, and two administrators decide at the same time.
    private mutating func register() async {
        guard case .done(let seen) = await attempt(.register), let id = seen.id else { return }
        let other = FaultClient(
            scene: scene, crowd: crowd, http: http, ports: ports, home: home + 1,
            dice: Dice(seed: dice.next()))
        let others = [self, other]
        await withTaskGroup { group in
            for (place, client) in others.enumerated() {
                group.addTask {
                    var client = client
                    await client.attempt(.decide(registration: id.text, isApproved: place == 0))
                }
            }
        }
    }

    /// Sends the request; under a key, over and over until it is told what came of it.
    @discardableResult
    private mutating func attempt(_ errand: Errand) async -> Attempt.Told {
        let isKeyed = errand.takesKey && Bool.random(using: &dice)
        var attempt = crowd.begin(errand)
        let request = scene.request(for: errand, number: attempt.number, isKeyed: isKeyed)
        place = home
        repeat {
            attempt.tries += 1
            (attempt.told, attempt.wasReplayed) = await send(request)
            // Behind a try that nobody answered even a refusal that passes leaves it open.
            if attempt.tries > 1 && attempt.told.passes { attempt.told = .nothing }
            guard case .nothing = attempt.told else { break }
            await pause()
        } while isKeyed && attempt.tries < 200 && !Task.isCancelled
        if case .nothing = attempt.told {} else { attempt.answered = Date() }
        crowd.end(attempt)
        // As `Retry-After` asks, if not as long.
        if attempt.told.passes { await pause() }
        return attempt.told
    }

    /// What a person does not ask for; nothing is waited for.
    private mutating func pause() async {
        try? await Task.sleep(for: .milliseconds(Int.random(in: 20...200, using: &dice)))
    }

    private mutating func send(_ outline: RequestOutline) async -> (Attempt.Told, isReplayed: Bool)
    {
        var request = HTTPClientRequest(
            url: "http://127.0.0.1:\(ports[place % ports.count])\(outline.path)")
        request.method = .RAW(value: outline.method)
        for (name, value) in outline.headers { request.headers.add(name: name, value: value) }
        if let body = outline.body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(string: body))
        }
        do {
            let response = try await http.execute(request, timeout: .seconds(20))
            let body = try await response.body.collect(upTo: 1 << 20)
            let status = Int(response.status.code)
            let isReplayed = response.headers.contains(name: "Idempotency-Replayed")
            if status == 204 { return (.done(Shown()), isReplayed) }
            guard let shown = try? JSONDecoder().decode(Shown.self, from: Data(buffer: body))
            else { return (.refused("unreadable, \(status)", Shown()), isReplayed) }
            if (200..<300).contains(status) { return (.done(shown), isReplayed) }
            let code = shown.code ?? "no code, \(status)"
            return (code == "outcome_unknown" ? .nothing : .refused(code, shown), isReplayed)
        } catch {
            // Nobody is there, or nobody is any more.
            place += 1
            return (.nothing, false)
        }
    }
}
