// Looking for text in text, by bytes.

import Testing
import World

@Suite("Text in text") struct TextTests {
    @Test("A text contains another where its bytes stand, at the start, inside and at the end")
    func found() {
        for part in ["", "a", "Unable to load", "key", "é", "Unable to load é key"] {
            #expect("Unable to load é key".contains(part), "\(part)")
        }
        #expect("abcab"[...].contains("ab"))
    }

    @Test("A text does not contain what only begins in it or stands in another case")
    func notFound() {
        for part in ["keys", "unable", "load  é", "Unable to load é key "] {
            #expect(!"Unable to load é key".contains(part), "\(part)")
        }
        #expect(!"".contains("a"))
    }
}
