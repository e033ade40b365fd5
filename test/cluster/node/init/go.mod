module segmentexport.io/test/cluster/node/init

go 1.24
