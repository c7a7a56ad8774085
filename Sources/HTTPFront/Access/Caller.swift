import FoundationEssentials

/// What a caller is in its clinic.
package enum Role: String, CaseIterable, Sendable {
    case `operator`
    case admin
    case practitioner
    case receptionist
    case patient
}

/// Who calls, as a verified token says.
struct Caller: Hashable, Sendable {
    /// The token's `sub`.
    let subject: String
    let role: Role
    /// The clinic that the token is for; nil for an operator, who may act in every clinic.
    let clinicID: UUID?
    /// The patient that the token is for; nil for everybody else.
    let patientID: UUID?
    /// Where staff get messages; nil if the token does not say, or says what is no address.
    var email: String?
}

/// Who may use a route.
enum Access: Hashable, Sendable {
    /// With a token or without.
    case everyone
    /// These roles in the clinic that the path names; operators always.
    case roles(Set<Role>)

    /// Whether that caller may use the route in that clinic.
    func admits(_ caller: Caller, to clinicID: UUID) -> Bool {
        (try? check(caller, clinicID: clinicID)) != nil
    }

    static let operators = Access.roles([])
    static let admins = Access.roles([.admin])
    static let staff = Access.roles([.admin, .practitioner, .receptionist])
    static let staffAndPatients = Access.roles([.admin, .practitioner, .receptionist, .patient])

    /// Lets the caller pass.
    /// - Parameter clinicID: The clinic that the path names, if it names one.
    /// - Throws: ``Problem``: 401 without a token; 404 in another clinic, whose existence is not
    ///   told; 403 for another role.
    func check(_ caller: Caller?, clinicID: UUID?) throws {
        guard case .roles(let roles) = self else { return }
        guard let caller else {
            throw Problem.unauthorized("Send a token: Authorization: Bearer <JWT>.")
        }
        guard caller.role != .operator else { return }
        if let clinicID, caller.clinicID != clinicID { throw Problem.clinicNotFound }
        guard roles.contains(caller.role) else { throw Problem.forbidden }
    }
}
