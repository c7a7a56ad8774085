/// A clock that is off by as many seconds as CLOCK_OFFSET says, for a program that is started with this
/// library in LD_PRELOAD. What is measured from the machine's start goes on as ever.
///
/// (libfaketime does the same and more, but a Swift program does not find its arguments beside it.)
