import BerthTestKit
import FleetModel
import Testing

@testable import EngineHost

/// Who reads and who waits, under any order of events.
@Suite struct ReadQueueTests {
    @Test(arguments: 1...200) func nobodyWaitsBesideAFreeWorkerAndNobodyIsForgotten(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let workers = Int.random(in: 1...4, using: &random)
        var queue = ReadQueue<Int>(workers: workers)
        var entered: [Int] = [], begun: [Int] = [], withdrawn: [Int] = [], last = 0
        var atWork = 0, isClosed = false, isDraining = false
        for _ in 0..<300 {
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<9:
                last += 1
                let isUnderWay = Bool.random(using: &random)
                switch queue.enter(last, isUnderWay: isUnderWay) {
                case .begin(let job):
                    #expect(job == last)
                    entered.append(job)
                    begun.append(job)
                    atWork += 1
                case .waits:
                    #expect(atWork == workers, "it waits for those at work")
                    entered.append(last)
                case .draining: #expect(isDraining && !isUnderWay && !isClosed)
                case .closed: #expect(isClosed)
                }
            case 9..<16:
                guard atWork > 0 else { continue }
                if Bool.random(using: &random), let job = queue.takeWaiting() {
                    begun.append(job)
                } else if let job = queue.next() {
                    begun.append(job)
                } else {
                    atWork -= 1
                }
            case 16: withdrawn += queue.withdraw { $0 % 3 == 0 }
            case 17:
                isDraining.toggle()
                queue.setDraining(isDraining)
            case 18:
                let wasIdle = queue.isIdle
                let isNow = queue.closeIfIdle(because: BerthError(.shuttingDown, "bye"))
                #expect(isNow == (wasIdle && !isClosed && !isDraining))
                isClosed = isClosed || isNow
            default:
                guard Int.random(in: 0..<10, using: &random) == 0 else { continue }
                withdrawn += queue.close(because: BerthError(.shuttingDown, "bye"))
                isClosed = true
            }
            #expect(queue.active == atWork && atWork <= workers)
            #expect(queue.waitingJobs == entered.count - begun.count - withdrawn.count)
            #expect(queue.waitingJobs == 0 || atWork == workers)
            #expect(queue.isIdle == (atWork == 0 && queue.waitingJobs == 0))
        }
        #expect(begun == entered.filter { !withdrawn.contains($0) }.prefix(begun.count).map(\.self), "those that came first begin first")
    }
}
