/// A day of the Gregorian calendar.
struct CivilDate {
    let year: Int
    let month: Int
    let day: Int

    /// - Parameter day: Counted from 1970-01-01.
    ///
    /// Years that begin with March have their leap day at the end, and months in a pattern that repeats.
    init(day: Int) {
        // Since 0000-03-01, in eras of 400 years.
        let days = day + 719_468
        let era = (days >= 0 ? days : days - 146_096) / 146_097
        let dayOfEra = days - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        self.day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    }
}
